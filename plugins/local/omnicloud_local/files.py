"""Files that hold content: written once under a name of their own, checked at each read.

A file is its content, then a CRC-32 for each 64 KiB of it. So a range is checked without
reading the rest. No name of a user's is in a path.
"""

from __future__ import annotations

import os
import secrets
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from omnicloud.errors import CorruptedError

__all__ = ["Files", "Segment"]

_BLOCK = 64 << 10
_SUM = 4
_STALE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A file, and how many bytes of content it holds."""

    file: str
    size: int


class Files:
    """The folder of the files. Its methods block; call them in a worker thread.

    Args:
        root: The folder, made where there is none.
        sync: Whether a written file is on the disk, and not only with the operating system,
            before its name is given away.
    """

    def __init__(self, root: Path, *, sync: bool) -> None:
        self._root = root
        self._sync = sync

    def write(self, data: bytes) -> Segment:
        """A new file with this content."""
        name = self._fresh()
        sums = b"".join(
            zlib.crc32(data[at : at + _BLOCK]).to_bytes(_SUM, "big")
            for at in range(0, len(data), _BLOCK)
        )
        path = self._path(name)
        made = self._folder(path.parent)
        try:
            with path.open("xb") as file:
                file.write(data)
                file.write(sums)
                file.flush()
                if self._sync:
                    os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._settle(path.parent, made=made)
        return Segment(name, len(data))

    def link(self, segments: Iterable[Segment]) -> tuple[Segment, ...]:
        """The same content under new names; it lives until both are removed.

        Raises:
            FileNotFoundError: A file is gone.
        """
        made: list[Segment] = []
        try:
            for segment in segments:
                name = self._fresh()
                path = self._path(name)
                fresh = self._folder(path.parent)
                os.link(self._path(segment.file), path)
                made.append(Segment(name, segment.size))
                self._settle(path.parent, made=fresh)
        except BaseException:
            self.remove(made)
            raise
        return tuple(made)

    def read(self, segments: Iterable[Segment], start: int, end: int) -> bytes:
        """Bytes ``start`` to ``end`` of the content of these files together.

        Raises:
            FileNotFoundError: A file is gone.
            CorruptedError: A block is not what was written.
        """
        pieces: list[bytes] = []
        base = 0
        for segment in segments:
            low, high = max(start, base), min(end, base + segment.size)
            if low < high:
                pieces.append(self._range(segment, low - base, high - base))
            base += segment.size
        return b"".join(pieces)

    def _range(self, segment: Segment, start: int, end: int) -> bytes:
        first, last = start // _BLOCK, -(-end // _BLOCK)
        with self._path(segment.file).open("rb") as file:
            file.seek(first * _BLOCK)
            data = file.read(min(last * _BLOCK, segment.size) - first * _BLOCK)
            file.seek(segment.size + first * _SUM)
            sums = file.read((last - first) * _SUM)
        _check(data, sums, min(last * _BLOCK, segment.size) - first * _BLOCK)
        return data[start - first * _BLOCK : end - first * _BLOCK]

    def remove(self, segments: Iterable[Segment]) -> None:
        """Remove files; missing ones are no error."""
        for segment in segments:
            self._path(segment.file).unlink(missing_ok=True)

    def stale(self) -> set[str]:
        """Names of files that no running upload can still be about to use: hours old."""
        before = time.time() - _STALE_SECONDS
        return {
            path.name
            for path in self._root.glob("??/*")
            if path.is_file() and path.stat().st_mtime < before
        }

    def _fresh(self) -> str:
        return secrets.token_hex(16)

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name

    def _folder(self, folder: Path) -> bool:
        if folder.is_dir():
            return False
        folder.mkdir(parents=True, exist_ok=True)
        return True

    def _settle(self, folder: Path, *, made: bool) -> None:
        if not self._sync:
            return
        for path in (folder, self._root, self._root.parent) if made else (folder,):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _check(data: bytes, sums: bytes, size: int) -> None:
    right = len(data) == size and all(
        zlib.crc32(data[at : at + _BLOCK]).to_bytes(_SUM, "big") == sums[n * _SUM : (n + 1) * _SUM]
        for n, at in enumerate(range(0, size, _BLOCK))
    )
    if not right:
        raise CorruptedError(
            "the stored object is not what was written",
            hint="it was left as it is: restore a backup, or upload the object again",
        )
