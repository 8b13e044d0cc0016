"""obstore: a cancelled write goes on, and can undo a newer one that was acknowledged.

Cancelling ``put_async`` ends the wait and not the work, which another thread does; a write
that comes after it may be answered first. The contract asks more than the library promises:
its documentation says nothing of cancelled calls.
"""

import asyncio
import sys
import tempfile

import obstore
from obstore.store import LocalStore


async def main(folder: str) -> int:
    store = LocalStore(folder)
    undone = 0
    for number in range(60):
        key = f"key-{number}"
        older = asyncio.ensure_future(obstore.put_async(store, key, b"older" * 400_000))
        await asyncio.sleep(0)
        older.cancel()
        await asyncio.wait((older,))
        await obstore.put_async(store, key, b"newer")
        await asyncio.sleep(0.02)
        undone += bytes(obstore.get(store, key).bytes()) != b"newer"
    print("expected: what was written last, and acknowledged, is read")
    print(f"happened: of 60 such writes {undone} were undone by the cancelled one before")
    return 0 if undone else 1


with tempfile.TemporaryDirectory() as folder:
    sys.exit(asyncio.run(main(folder)))
