"""obstore: two names can be one object, and some names are none.

A slash at either end is cut off, so deleting ``kept/`` deletes ``kept``; an empty segment,
``.`` and ``..`` are refused. The contract asks more than the library promises: its paths are
those of the Rust crate ``object_store``, whose documentation says so.
"""

import sys

import obstore
from obstore.store import MemoryStore

store = MemoryStore()
obstore.put(store, "kept", b"kept")
obstore.delete(store, "kept/")
left = [one["path"] for one in obstore.list(store).collect()]
print(f"expected: 'kept' is left after 'kept/' is deleted; happened: {left}")
refused = []
for name in ("a//b", "..", "a/../b", "."):
    try:
        obstore.put(store, name, b"")
    except (ValueError, obstore.exceptions.BaseError):
        refused.append(name)
print(f"expected: any text is a name; happened: {refused} are refused")
sys.exit(0 if not left and refused else 1)
