"""obstore's local store: a copy has the time at which its source was written.

The file is linked, not copied, which is quick and keeps the time; a copy onto itself keeps the
entity tag too, so it is no write that a condition could tell. The contract asks more than
the library promises.
"""

import sys
import tempfile
import time

import obstore
from obstore.store import LocalStore

with tempfile.TemporaryDirectory() as folder:
    store = LocalStore(folder)
    obstore.put(store, "source", b"content")
    time.sleep(1.5)
    obstore.copy(store, "source", "copy")
    before = obstore.head(store, "source")["e_tag"]
    obstore.copy(store, "source", "source")
    kept = obstore.head(store, "source")["e_tag"] == before
    source, copy = (obstore.head(store, key)["last_modified"] for key in ("source", "copy"))
later = (copy - source).total_seconds()
print("expected: a copy that is about 1.5 s younger than its source")
print(f"happened: it is {later:.1f} s younger; onto itself, with the same entity tag: {kept}")
sys.exit(0 if later < 1 and kept else 1)
