"""fsspec's local files: a long key cannot be written.

The contract asks more than the library promises: a key is a file's name, and those end at 255
bytes on most systems.
"""

import sys
import tempfile

import fsspec

files = fsspec.filesystem("file")
with tempfile.TemporaryDirectory() as folder:
    try:
        files.pipe_file(f"{folder}/{'k' * 300}", b"content")
        happened = "it is written"
    except OSError as error:
        happened = f"{type(error).__name__}: {error.strerror}"
print("expected: a key of 300 letters is written")
print(f"happened: {happened}")
sys.exit(1 if happened == "it is written" else 0)
