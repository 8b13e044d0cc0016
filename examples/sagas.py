"""An order in three steps; when the last one fails, the others are undone in reverse."""

from __future__ import annotations

import asyncio

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.sagas import Saga, SagaEngine, StepContext, step
from omnicloud.errors import SagaFailedError

CONFIG = {"services": {"orders": {"contract": "sagas", "provider": "memory"}}}


async def reserve_stock(context: StepContext) -> None:
    print(f"reserve {context.payload['item']} (key {context.idempotency_key})")
    context.payload["reservation"] = "R-1"


async def free_stock(context: StepContext) -> None:
    print(f"free {context.payload['reservation']}")


async def charge(context: StepContext) -> None:
    print(f"charge {context.payload['amount']}")


async def refund(context: StepContext) -> None:
    print(f"refund what was charged with key {context.action_key}, if anything")


async def ship(context: StepContext) -> None:
    if context.payload["item"] == "piano":
        raise ValueError("too heavy")
    print("ship")


ORDER = Saga(
    "order",
    [
        step(reserve_stock, free_stock),
        step(charge, refund),
        step(ship, give_up_on=(ValueError,)),
    ],
)


async def main() -> None:
    async with OmniCloud(CONFIG) as cloud:
        engine = SagaEngine(cloud.sagas("orders"), [ORDER])
        done = await engine.execute("order", {"item": "book", "amount": 12})
        print(f"-> {done.status.value}")
        try:
            await engine.execute("order", {"item": "piano", "amount": 9000})
        except SagaFailedError as error:
            print(f"-> {error.message}")


if __name__ == "__main__":
    asyncio.run(main())
