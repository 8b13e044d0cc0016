"""Events saved with a business write, and a relay that publishes them in order."""

from __future__ import annotations

import asyncio

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.messaging import Message, ProcessingOutcome
from omnicloud.contracts.outbox import OutboxEvent, Relay

CONFIG = {
    "services": {
        "events": {"contract": "outbox", "provider": "memory"},
        "broker": {"contract": "messaging", "provider": "memory"},
    }
}


async def handle(message: Message) -> ProcessingOutcome:
    """What a consumer of the events does."""
    print(f"{message.key}: {message.payload.decode()} (event {message.id[:8]}…)")
    return ProcessingOutcome.SUCCESS


async def main() -> None:
    async with OmniCloud(CONFIG) as cloud:
        outbox, broker = cloud.outbox("events"), cloud.messaging("broker")
        async with outbox.transaction() as events:  # all of them, or none
            for what in ("placed", "paid", "shipped"):
                await events.save_event(
                    OutboxEvent("orders", what.encode(), aggregate_key="order-17")
                )
        relay = Relay(outbox, broker.forward)
        tasks = {
            asyncio.create_task(broker.consume("orders", handle)),
            asyncio.create_task(relay.run()),
        }
        await asyncio.sleep(0.5)
        print(f"published {relay.health.published}, pending {(await outbox.lag()).pending}")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


if __name__ == "__main__":
    asyncio.run(main())
