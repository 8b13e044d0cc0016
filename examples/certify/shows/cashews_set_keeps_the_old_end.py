"""cashews: a value set without a time to live takes over the end of the one before.

Also when that one has expired already and was not swept yet: the new value is then gone at
once. A fault, in memory and on disk alike: nothing says that a write keeps an end, and over
Redis the same call does not.
"""

import asyncio
import sys
import tempfile

from cashews import Cache


async def gone(url: str) -> bool:
    cache = Cache()
    cache.setup(url)
    await cache.set("key", "old", expire=0.3)
    await cache.set("key", "new")
    before = await cache.get("key")
    await asyncio.sleep(0.5)
    after = await cache.get("key")
    print(f"{url[:4]} expected: 'new' and still 'new'; happened: {before!r}, then {after!r}")
    await cache.close()
    return after is None


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        shown = [await gone("mem://"), await gone(f"disk://?directory={folder}&shards=0")]
    return 0 if all(shown) else 1


sys.exit(asyncio.run(main()))
