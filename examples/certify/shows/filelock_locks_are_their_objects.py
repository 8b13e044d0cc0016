"""filelock: a lock is its object's; no other object can prolong it or give it back.

The contract asks more than the library promises: its owner is a name, so that another process
can go on in the place of one that died. Here whoever lost the object waits for its process.
"""

import sys
import tempfile

from filelock import FileLock, Timeout

with tempfile.TemporaryDirectory() as folder:
    first = FileLock(f"{folder}/lock")
    first.acquire()
    same_owner = FileLock(f"{folder}/lock")
    knows = same_owner.is_locked
    same_owner.release(force=True)
    try:
        FileLock(f"{folder}/lock").acquire(timeout=0)
        happened = "it was free"
    except Timeout:
        happened = "it was held"
    first.release()
print("expected: free after its owner gave it back through another object")
print(f"happened: {happened}; the other object knows that it is held: {knows}")
sys.exit(0 if happened == "it was held" and not knows else 1)
