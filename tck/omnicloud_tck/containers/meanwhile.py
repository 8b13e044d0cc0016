"""Laws of commands at once, and of what who waits hears while the engine is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal, that
from omnicloud_tck.containers.bench import PATIENCE, Bench, sh, spec
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["MeanwhileLaws"]

_AT_ONCE = 4
_GONE = 1.0  # seconds of the outage


class MeanwhileLaws(Bench):
    """What goes on at once, or while there is no engine."""

    @law(
        "CON-190",
        "Commands at once, in one container or two, are each answered with their own outcome.",
        needs=[ContainersFeature.EXEC],
        rung=Rung.CONCURRENCY,
    )
    async def commands_are_apart(self, world: World[Any]) -> None:
        clients = await self.portable(world), await self.portable(world)
        for name in ("a", "b"):
            await self.begun(clients[0], spec(name))

        async def asked(number: int) -> tuple[int, bytes, bytes]:
            # The later it begins, the sooner it ends.
            pause = 0.1 * (2 * _AT_ONCE - number)
            script = f"sleep {pause:.1f}; echo out-{number}; echo err-{number} >&2; exit {number}"
            client = clients[number // 2 % 2]
            said = await client.exec("ab"[number % 2], sh(script), timeout=PATIENCE)
            return said.exit_code, said.stdout, said.stderr

        answers = await asyncio.gather(*map(asked, range(2 * _AT_ONCE)))
        for number, answer in enumerate(answers):
            own = (number, b"out-%d\n" % number, b"err-%d\n" % number)
            equal(own, answer, f"command {number} of {2 * _AT_ONCE} at once")

    @law(
        "CON-191",
        "An engine that is gone is no end: who follows or waits is told of an error, or goes on.",
        abilities=[Ability.OUTAGE],
        rung=Rung.RESILIENCE,
    )
    async def an_outage_is_no_end(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("kept"))
        asked: dict[str, Awaitable[object]] = {
            "a follower": _followed(containers, "kept"),
            "who waits": containers.wait("kept", timeout=PATIENCE),
        }
        tasks = {who: asyncio.ensure_future(ask) for who, ask in asked.items()}
        await world.sleep(0.2)
        async with world.outage():
            await world.sleep(_GONE)
        await world.sleep(0.2)
        for who, task in tasks.items():
            error = task.exception() if task.done() else None
            that(not task.done() or error is not None, f"{who} is told of an end in an outage")
            known = error is None or isinstance(error, OmniCloudError)
            that(known, f"{who} is told {type(error).__name__} in an outage")
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        await self.alive(containers, "kept", "after the outage")


async def _followed(containers: Containers, name: str) -> None:
    async for _ in containers.logs(name, follow=True):
        pass
