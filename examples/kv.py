"""Keep orders by name: typed values, times to live, and writes that do not undo each other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from omnicloud import ConflictError, OmniCloud


@dataclass(frozen=True)
class Order:
    """What is stored."""

    customer: str
    total_cents: int


async def main() -> None:
    """Run the example."""
    async with OmniCloud({"defaults": {"provider": "memory"}}) as cloud:
        orders = cloud.kv("orders", Order)
        version = await orders.set("o-17", Order("ada", 1250), ttl=3600)
        order = await orders.get("o-17")
        print("stored:", order)
        if order is not None:
            await orders.set("o-17", replace(order, total_cents=1300), if_version=version)
        try:
            await orders.set("o-17", Order("bob", 1), if_version=version)
        except ConflictError:
            print("somebody else was first; nothing was written")
        await orders.set_many({f"o-{number}": Order("eve", number) for number in (18, 19)})
        print("keys:", [key async for key in orders.scan("o-")])

        visits = cloud.kv("visits")
        print("visits:", [await visits.increment("today") for _ in range(3)])


if __name__ == "__main__":
    asyncio.run(main())
