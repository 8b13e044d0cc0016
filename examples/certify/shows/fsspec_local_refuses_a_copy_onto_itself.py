"""fsspec's local files: a file cannot be copied onto itself.

The contract asks more than the library promises, whose files in memory take such a copy.
"""

import sys
import tempfile

import fsspec

happened = {}
with tempfile.TemporaryDirectory() as folder:
    for kind in ("file", "memory"):
        files = fsspec.filesystem(kind)
        files.makedirs(folder, exist_ok=True)
        files.pipe_file(f"{folder}/object", b"content")
        try:
            files.cp_file(f"{folder}/object", f"{folder}/object")
            happened[kind] = "copied"
        except OSError as error:
            happened[kind] = type(error).__name__
print("expected: copied, which writes the object anew")
print(f"happened: {happened}")
sys.exit(0 if happened["file"] != "copied" else 1)
