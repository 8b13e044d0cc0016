"""aiocache and cashews: clearing goes by a prefix or a pattern, and takes all that begins so.

The contract asks more than the libraries promise: outside all tenants it means the names of no
tenant, and an empty prefix is also one of every tenant's names.
"""

import asyncio
import sys

from aiocache import SimpleMemoryCache
from cashews import Cache


async def main() -> int:
    one, other = SimpleMemoryCache(), Cache()
    other.setup("mem://")
    for cache in (one, other):
        await cache.set("shared", "x")
        await cache.set("~acme/theirs", "x")
    await one.clear()
    await other.delete_match("*")
    left = [await cache.get("~acme/theirs") for cache in (one, other)]
    await other.close()
    print("expected: a way to clear all but what is below '~acme/'")
    print(f"happened: left of that are {left}")
    return 0 if left == [None, None] else 1


sys.exit(asyncio.run(main()))
