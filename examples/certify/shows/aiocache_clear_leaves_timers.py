"""aiocache: a timer of before ``clear()`` deletes what is written after it.

``clear`` forgets the timers of entries without stopping them, so the end of an entry that was
cleared ends its successor of the same key, also one that was set to live for ever. A fault:
``set`` and ``expire`` do stop the timer that a key had.
"""

import asyncio
import sys

from aiocache import SimpleMemoryCache


async def main() -> int:
    cache = SimpleMemoryCache()
    await cache.set("key", "old", ttl=0.2)
    await cache.clear()
    await cache.set("key", "new")  # without an end
    await asyncio.sleep(0.4)
    found = await cache.get("key")
    print("expected: 'new', which has no time to live")
    print(f"happened: {found!r}")
    return 0 if found is None else 1


sys.exit(asyncio.run(main()))
