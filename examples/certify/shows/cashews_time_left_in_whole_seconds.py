"""cashews: the time that an entry has to live is told in whole seconds.

The contract asks more than the library promises: ``get_expire`` is said to be an ``int``.
"""

import asyncio
import sys

from cashews import Cache


async def main() -> int:
    cache = Cache()
    cache.setup("mem://")
    await cache.set("key", "value", expire=0.4)
    left = await cache.get_expire("key")
    print(f"expected: about 0.4 s; happened: {left!r}")
    await cache.close()
    return 0 if left == 0 else 1


sys.exit(asyncio.run(main()))
