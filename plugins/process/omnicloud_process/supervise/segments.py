"""Records in numbered files: appended, rotated, and read on from any place without loss."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["START", "Place", "Reader", "Writer"]

Place = tuple[int, int]
"""A file's number, and the offset in it."""

START: Place = (0, 0)
_SUFFIX = ".log"


def _numbers(folder: Path) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(int(path.stem) for path in folder.iterdir() if _is_one(path.name))
    return []


def _is_one(name: str) -> bool:
    return name.endswith(_SUFFIX) and name[: -len(_SUFFIX)].isdigit()


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:012}{_SUFFIX}"


class Writer:
    """Appends records; several processes may write one folder.

    A record is a head of one line, which ends with the length of the body, and the body.

    Args:
        folder: Where the files are.
        most_bytes: At which size a new file is begun.
        keep: How many files are kept; the oldest beyond that are removed.
    """

    def __init__(self, folder: Path, most_bytes: int, keep: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._keep = keep
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, records: list[tuple[str, bytes]]) -> None:
        """Append records, each a head without spaces at its end, and a body."""
        with (self._folder / "turn").open("wb") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            for chunk in self._chunks(records):
                number = (_numbers(self._folder) or [1])[-1]
                with _path(self._folder, number).open("ab") as file:
                    full = file.tell() > 0 and file.tell() + len(chunk) > self._most_bytes
                    if not full:
                        file.write(chunk)
                if full:
                    _path(self._folder, number + 1).write_bytes(chunk)
                    self._forget(number + 1)

    def _chunks(self, records: list[tuple[str, bytes]]) -> Iterator[bytes]:
        """Records joined to chunks that fit into a file, so that few writes carry many."""
        chunk = b""
        for head, body in records:
            record = f"{head} {len(body)}\n".encode() + body
            if chunk and len(chunk) + len(record) > self._most_bytes // 4:
                yield chunk
                chunk = b""
            chunk += record
        if chunk:
            yield chunk

    def _forget(self, newest: int) -> None:
        for number in _numbers(self._folder):
            if number <= newest - self._keep:
                _path(self._folder, number).unlink(missing_ok=True)


class Reader:
    """Reads records on from a place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def end(self) -> Place:
        """The place after all that is written."""
        numbers = _numbers(self._folder)
        if not numbers:
            return START
        with contextlib.suppress(FileNotFoundError):
            return numbers[-1], _path(self._folder, numbers[-1]).stat().st_size
        return self.end()

    def read(self, place: Place, most: int) -> tuple[list[tuple[str, bytes]], Place]:
        """At most so many records from a place on, and the place after them."""
        found: list[tuple[str, bytes]] = []
        while len(found) < most:
            # Listed before the file is read: what is written to it is whole once there is a next.
            numbers = _numbers(self._folder)
            later = [number for number in numbers if number > place[0]]
            if place[0] in numbers:
                try:
                    with _path(self._folder, place[0]).open("rb") as file:
                        file.seek(place[1])
                        place = (place[0], self._take(file, found, most))
                except FileNotFoundError:
                    continue
            if len(found) >= most or not later:
                break
            place = (later[0], 0)
        return found, place

    def _take(self, file: BinaryIO, found: list[tuple[str, bytes]], most: int) -> int:
        """Take whole records; the offset after the last of them."""
        offset = file.tell()
        while len(found) < most:
            line = file.readline()
            head, _, size = line.decode(errors="replace").rstrip("\n").rpartition(" ")
            if not line.endswith(b"\n"):
                break
            body = file.read(int(size))
            if len(body) < int(size):
                break
            found.append((head, body))
            offset = file.tell()
        return offset
