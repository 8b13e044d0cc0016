"""py-key-value: expired entries of ``MemoryStore`` are never freed, and count as there.

The store tells its cachetools cache the end of an entry as seconds since 1970, while that
reads a monotonic clock, which never comes to so many. ``get`` looks at the end itself and
answers right; ``keys`` lists the dead, ``delete`` says that one was there, and memory grows
without a bound. A fault.
"""

import asyncio
import sys

from key_value.aio.stores.memory import MemoryStore


async def main() -> int:
    store = MemoryStore()
    for number in range(1000):
        await store.put(f"key-{number}", {"value": number}, ttl=0.1)
    await asyncio.sleep(0.3)
    found = await store.get("key-0")
    listed = await store.keys()
    deleted = await store.delete("key-0")
    print("expected: None got, no keys listed, nothing deleted")
    print(f"happened: {found!r} got, {len(listed)} keys listed, delete said {deleted!r}")
    return 0 if found is None and len(listed) == 1000 and deleted else 1


sys.exit(asyncio.run(main()))
