"""The laws of scheduled messages that are not handled the first time."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud.contracts.messaging.driver import Ack, Nack, Receive, Subscribe
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["RetryLaws"]


class RetryLaws(Contract):
    """Once due, a scheduled message is owed to its group until it is settled."""

    @law(
        "MS-148",
        "A scheduled message that fails, or whose lease ends, is delivered again until settled.",
        needs=[MessagingFeature.DELAYED],
        rung=Rung.RESILIENCE,
    )
    async def scheduled_messages_are_retried(self, world: World[Any]) -> None:
        one: Messaging = await self.portable(world)
        pipe = one.pipeline
        await pipe.send(Subscribe("late", "g"))
        await one.publish("late", b"x", key="k", headers={"h": "1"}, delay_seconds=0.3)
        for attempt in range(1, 4):
            found = await pipe.send(Receive("late", "g", most=1, wait=3.0, lease=1.0))
            equal(1, len(found), f"deliveries at attempt {attempt}")
            told = (found[0].payload, found[0].key)
            equal((b"x", "k"), told, f"payload and key at attempt {attempt}")
            equal("1", found[0].headers.get("h"), f"its header at attempt {attempt}")
            if attempt == 1:
                back = await pipe.send(Nack("late", "g", found[0].receipt))
                that(back, "it was not taken back")
            elif attempt == 2:
                await world.sleep(1.2)
        settled = await pipe.send(Ack("late", "g", found[0].receipt))
        that(settled, "it could not be settled")
        found = await pipe.send(Receive("late", "g", most=1, wait=1.5))
        equal(0, len(found), "deliveries after it was settled")
