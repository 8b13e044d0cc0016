"""fsspec: local files and files in memory have no content type and no metadata.

The contract asks more than the library promises: only file systems over object stores have
them, under other names each.
"""

import sys

import fsspec

files = fsspec.filesystem("memory")
files.pipe_file("/shown/typed", b"", content_type="text/plain", metadata={"name": "value"})
info = files.info("/shown/typed")
print("expected: what was given is told by `info`")
print(f"happened: {sorted(info)}")
sys.exit(1 if "text/plain" in info.values() else 0)
