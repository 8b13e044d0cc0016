"""Data of a user's own that is not in the form of ours is told, by its file."""

from __future__ import annotations

import gzip
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WRONG = (
    *(KeyError, ValueError, IndexError, TypeError, EOFError, OSError),
    *(gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, zlib.error),
)


@contextmanager
def in_form(path: Path, form: str) -> Iterator[None]:
    """End with what is wrong with the file where reading it fails."""
    try:
        yield
    except _WRONG as error:
        what = f"{type(error).__name__} {error}".splitlines()[0]
        sys.exit(f"{path} cannot be read as {form}: {what}")
