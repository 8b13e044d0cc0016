"""obstore: ``delete`` says of a path that is refused that it is no string.

A fault: ``put`` of the same path says what is wrong with it. ``delete`` takes one path or a
list of them, and what cannot be read as a path is told as being neither.
"""

import sys

import obstore
from obstore.store import MemoryStore

store = MemoryStore()
said = {}
try:
    obstore.put(store, "a//b", b"")
except (ValueError, obstore.exceptions.BaseError) as error:
    said["put"] = str(error)
try:
    obstore.delete(store, "a//b")
except (ValueError, obstore.exceptions.BaseError) as error:
    said["delete"] = str(error)
except TypeError as error:
    said["delete, of its type"] = str(error)
print("expected: both say what is wrong with the path")
print(f"happened: {said}")
sys.exit(0 if "put" in said and "delete, of its type" in said else 1)
