"""obstore: a copy does not say which version it made.

The contract asks more than the library promises. Asked for afterwards, the version may be that
of a write that came between.
"""

import sys

import obstore
from obstore.store import MemoryStore

store = MemoryStore()
put = obstore.put(store, "source", b"content")
copied = obstore.copy(store, "source", "copy")
print("expected: an entity tag, as a write answers one")
print(f"happened: a write answers {put}, a copy {copied}")
sys.exit(0 if put["e_tag"] and copied is None else 1)
