"""obstore's local store: a content type or metadata is refused.

The contract asks more than the library promises: files have no such attributes, and the
error says that this store does not implement them.
"""

import sys
import tempfile

import obstore
from obstore.store import LocalStore

with tempfile.TemporaryDirectory() as folder:
    try:
        obstore.put(LocalStore(folder), "k", b"", attributes={"Content-Type": "text/plain"})
        happened = "it was written"
    except (NotImplementedError, obstore.exceptions.BaseError) as error:
        happened = f"{type(error).__name__}: {str(error).splitlines()[0]}"
print("expected: the object with its content type")
print(f"happened: {happened}")
sys.exit(1 if happened == "it was written" else 0)
