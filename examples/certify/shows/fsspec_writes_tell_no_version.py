"""fsspec: a write does not say which version it made.

The contract asks more than the library promises. ``ukey`` tells the version afterwards: that
of another write, where one came between, or none, where the file is gone again.
"""

import sys
import tempfile

import fsspec

with tempfile.TemporaryDirectory() as folder:
    answers = []
    for kind in ("file", "memory"):
        files = fsspec.filesystem(kind)
        files.makedirs(folder, exist_ok=True)
        written = files.pipe_file(f"{folder}/object", b"content")
        copied = files.cp_file(f"{folder}/object", f"{folder}/copy")
        answers += [written, copied]
print("expected: something that tells the version from any other")
print(f"happened: writes and copies answer {answers}")
sys.exit(0 if answers == [None] * 4 else 1)
