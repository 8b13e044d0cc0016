"""filelock: a lock of the operating system has no time to live.

It ends with its release or its process, so a holder that hangs holds for ever. The contract
asks more than the library promises; its ``SoftFileLease`` is renewed by a thread for as long
as the process lives, hung or not, and ``lifetime`` it refuses for this class with a warning.
"""

import sys
import tempfile
import time
import warnings

from filelock import FileLock, Timeout

with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    hung = FileLock(f"{folder}/lock", lifetime=0.2)
    hung.acquire()
    time.sleep(0.5)
    try:
        FileLock(f"{folder}/lock").acquire(timeout=0)
        happened = "it was free"
    except Timeout:
        happened = "it was held"
    hung.release()
print("expected: free after its 0.2 s")
print(f"happened: {happened} ({str(said[0].message).split(':')[0] if said else 'no warning'})")
sys.exit(0 if happened == "it was held" else 1)
