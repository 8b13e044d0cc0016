"""The file in which a copy writes what it has done, one JSON line for each item.

A line is written when its item was read back from the target. A run that is killed leaves at
most half a line, which the next one cuts off. Neither values nor checksums of them are in it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import anyio
import anyio.to_thread

from omnicloud.errors import ConfigurationError, CorruptedError

__all__ = ["Journal"]

Place = tuple[str, ...]
_FORM = "omnicloud copy 1"


class Journal:
    """What earlier runs of one copy have done; more is appended.

    Args:
        file: Made where there is none. ``None`` keeps the journal in memory.
        about: What is copied from where to where; a file about anything else is refused.
    """

    def __init__(self, file: Path | None, about: Mapping[str, object]) -> None:
        self._file = file
        self._about = {"journal": _FORM, **about}
        self._versions: dict[Place, str] = {}
        self._uploads: dict[Place, tuple[str, str]] = {}
        self._stream: IO[bytes] | None = None
        self._turn = anyio.Lock()

    async def __aenter__(self) -> Self:
        """Read what there is.

        Raises:
            ConfigurationError: The file is of another copy, or another run has it open, or it
                cannot be written.
            CorruptedError: It is no journal.
        """
        await anyio.to_thread.run_sync(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._close)

    def version(self, place: Place) -> str | None:
        """The version of the source that was copied before."""
        return self._versions.get(place)

    def begun(self, place: Place) -> tuple[str, str] | None:
        """An upload that was begun and not ended, and the version of the source it is of."""
        return self._uploads.get(place)

    async def begin(self, place: Place, upload: str, version: str) -> None:
        """Note that an upload was begun."""
        self._uploads[place] = upload, version
        await self._append({"begun": list(place), "upload": upload, "version": version})

    async def done(self, place: Place, version: str) -> None:
        """Note that this version of an item is in the target."""
        self._learn_done(place, version)
        await self._append({"done": list(place), "version": version})

    def _learn_done(self, place: Place, version: str) -> None:
        self._versions[place] = version
        self._uploads.pop(place, None)

    async def _append(self, line: Mapping[str, object]) -> None:
        if self._stream is not None:
            async with self._turn:
                await anyio.to_thread.run_sync(self._write, line)

    def _write(self, line: Mapping[str, object]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")

    def _open(self) -> None:
        if self._file is None:
            return
        try:
            stream = self._file.open("a+b", buffering=0)
        except OSError as error:
            raise ConfigurationError(
                f"the journal {self._file} cannot be written: {error.strerror}"
            ) from error
        try:
            self._lock(stream)
            self._read(stream)
        except BaseException:
            stream.close()
            raise
        self._stream = stream

    def _lock(self, stream: IO[bytes]) -> None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"another run is writing the journal {self._file}",
                hint="let it end, or give this copy a journal of its own",
            ) from None

    def _read(self, stream: IO[bytes]) -> None:
        stream.seek(0)
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        stream.truncate(whole)  # half a line of a run that was killed
        lines = content[:whole].splitlines()
        if not lines:
            stream.write(json.dumps(self._about, ensure_ascii=True).encode() + b"\n")
            return
        self._check_about(self._parsed(lines[0], 1))
        for number, line in enumerate(lines[1:], 2):
            self._learn(self._parsed(line, number), number)

    def _parsed(self, line: bytes, number: int) -> dict[str, object]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._corrupted(number)
        return value

    def _check_about(self, found: Mapping[str, object]) -> None:
        if found.get("journal") != _FORM:
            raise self._corrupted(1)
        differing = [key for key, value in self._about.items() if found.get(key) != value]
        if differing:
            raise ConfigurationError(
                f"the journal {self._file} is of another copy: {', '.join(differing)} differs",
                hint="name another file with --journal, or delete this one to begin anew",
            )

    def _learn(self, line: Mapping[str, object], number: int) -> None:
        place, version = line.get("done", line.get("begun")), line.get("version")
        if not isinstance(place, list) or not isinstance(version, str):
            raise self._corrupted(number)
        if "done" in line:
            self._learn_done(tuple(map(str, place)), version)
        else:
            self._uploads[tuple(map(str, place))] = str(line.get("upload")), version

    def _corrupted(self, number: int) -> CorruptedError:
        return CorruptedError(
            f"line {number} of the journal {self._file} is none of a copy",
            hint="delete the file to begin anew, or restore it",
        )

    def _close(self) -> None:
        if self._stream is not None:
            os.fsync(self._stream.fileno())
            self._stream.close()
            self._stream = None
