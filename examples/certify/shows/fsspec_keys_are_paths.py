"""fsspec: two names can be one object, and a name can be in another's way.

A slash at the end is cut off, so removing ``kept/`` removes ``kept``; where ``a`` is written
``a/b`` cannot be. The contract asks more than the library promises: it has files and folders.
"""

import sys

import fsspec

files = fsspec.filesystem("memory")
files.pipe_file("/shown/kept", b"kept")
files.rm_file("/shown/kept/")
gone = not files.exists("/shown/kept")
print(f"expected: 'kept' is left after 'kept/' is removed; happened: gone is {gone}")
files.pipe_file("/shown/a", b"a")
try:
    files.makedirs("/shown/a", exist_ok=True)
    files.pipe_file("/shown/a/b", b"b")
    happened = f"both are there: {files.find('/shown')}"
except OSError as error:
    happened = type(error).__name__
print(f"expected: 'a' and 'a/b' side by side; happened: {happened}")
sys.exit(0 if gone and happened.endswith("Error") else 1)
