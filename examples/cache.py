"""A slow answer is computed once, however many ask for it."""

from __future__ import annotations

import asyncio

from omnicloud.cloud import OmniCloud

CONFIG = {"services": {"squares": {"contract": "cache", "provider": "memory"}}}


async def square_of_17() -> int:
    print("computing")
    await asyncio.sleep(0.1)
    return 17 * 17


async def main() -> None:
    async with OmniCloud(CONFIG) as cloud:
        squares = cloud.cache("squares", int)
        asked = [squares.get_or_load("17", square_of_17, ttl=60) for _ in range(100)]
        print(set(await asyncio.gather(*asked)))
        await squares.set("18", 18 * 18, ttl=0.2)
        await asyncio.sleep(0.3)
        print(f"after its time to live: {await squares.get('18')}")
        print(squares.statistics())


if __name__ == "__main__":
    asyncio.run(main())
