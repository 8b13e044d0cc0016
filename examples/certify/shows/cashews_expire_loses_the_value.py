"""cashews: ``expire`` on the cache in memory makes a value of bytes unreadable.

It reads the value, decodes it, and stores it decoded; the next reader decodes it once more
and, failing, answers as if there were none. A fault.
"""

import asyncio
import sys

from cashews import Cache


async def main() -> int:
    cache = Cache()
    cache.setup("mem://")
    await cache.set("key", b"value", expire=60)
    before = await cache.get("key")
    await cache.expire("key", 120)
    after = await cache.get("key")
    print("expected: b'value' before and after its life is prolonged")
    print(f"happened: {before!r}, then {after!r}; exists: {await cache.exists('key')}")
    await cache.close()
    return 0 if before == b"value" and after is None else 1


sys.exit(asyncio.run(main()))
