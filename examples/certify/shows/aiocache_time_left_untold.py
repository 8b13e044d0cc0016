"""aiocache: how long an entry has to live cannot be asked.

The contract asks more than the library promises: it has no such method.
"""

import sys

from aiocache import SimpleMemoryCache

names = {name for name in dir(SimpleMemoryCache) if not name.startswith("_")}
asking = sorted(names & {"ttl", "get_ttl", "get_expire", "get_with_ttl", "expires_in"})
print("expected: a method that tells the seconds to live")
print(f"happened: {asking or 'there is none'}; there is `expire`, which sets them")
sys.exit(1 if asking else 0)
