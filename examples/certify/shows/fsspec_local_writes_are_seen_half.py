"""fsspec's local files: a reader sees half of a write.

``pipe_file`` opens the file, which empties it, and then writes; who reads meanwhile gets what
is there. The contract asks more than the library promises: outside its transactions it says
nothing of atomic writes.
"""

import sys
import tempfile
import threading

import fsspec

files = fsspec.filesystem("file")
sizes: set[int] = set()
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/object"
    whole = b"x" * (8 << 20)
    files.pipe_file(path, whole)
    writer = threading.Thread(target=lambda: [files.pipe_file(path, whole) for _ in range(40)])
    writer.start()
    while writer.is_alive():
        sizes.add(len(files.cat_file(path)))
    writer.join()
torn = sorted(sizes - {len(whole)})
print(f"expected: every read has {len(whole)} bytes")
print(f"happened: {len(torn)} other sizes were read, from {min(torn, default=None)} bytes on")
sys.exit(0 if torn else 1)
