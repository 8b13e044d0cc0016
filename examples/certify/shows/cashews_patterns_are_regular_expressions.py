"""cashews: ``delete_match`` reads every sign of a pattern as one of a regular expression.

The guide knows the star. A dot, too, stands for any sign, so that keys are deleted that the
pattern does not name, and a bracket is an error. A fault; that a star in a key cannot be
meant as itself is as documented.
"""

import asyncio
import re
import sys

from cashews import Cache


async def main() -> int:
    cache = Cache()
    cache.setup("mem://")
    await cache.set("a.b:1", "meant")
    await cache.set("axb:1", "a neighbour")
    await cache.delete_match("a.b:*")
    left = await cache.get("axb:1")
    print(f"expected: the neighbour is left; happened: {left!r}")
    try:
        await cache.delete_match("[draft*")
        error = None
    except re.error as raised:
        error = raised
    print(f"expected: '[draft*' deletes what begins so; happened: {error!r}")
    await cache.close()
    return 0 if left is None and error is not None else 1


sys.exit(asyncio.run(main()))
