"""The file that says which limits were changed and what they were, until that is settled.

A change is on the disk before it is made. A run that is killed leaves its changes unsettled, and
the next one takes them back; it leaves at most half a line, which is cut off. A run that goes on
and on writes the file anew when it is full, with what is unsettled alone.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Self

from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    CorruptedError,
    OmniCloudError,
    ResourceExhaustedError,
)
from omnicloud.placement.recommend.limits import Limited

__all__ = ["MOST_LINES", "Change", "LimitJournal"]

MOST_LINES = 20_000
"""The bound on lines of a file; when all is settled it is emptied."""
_MOST_UNSURE = 8  # limits of one container that were tried and may be there
_MOST_BYTES = 64 << 20
_FORM = "omnicloud limits 1"

_Key = tuple[str, Limited]


@dataclass(frozen=True, slots=True)
class Change:
    """A limit that was changed, in cores or bytes; ``id`` is the container's, not its name.

    Attributes:
        of: Whose limit it is.
        maybe: Of several changes in a row, limits between that it may have instead of ``after``.
    """

    container: str
    id: str
    before: float
    after: float
    maybe: tuple[float, ...] = ()
    of: Limited = "cpu"


class LimitJournal:
    """Changes of limits of one service's containers that are not settled.

    Args:
        file: Made where there is none, with its folder.
        service: A file about another one is refused.
    """

    def __init__(self, file: Path, service: str) -> None:
        self._file = file
        self._service = service
        self._open: dict[_Key, Change] = {}
        self._lines = 0
        self._stream: IO[bytes] | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Read what earlier runs left.

        Raises:
            ConfigurationError: The file is of another service, or another run has it open, or it
                cannot be written.
            CorruptedError: It is no journal of limits.
        """
        await asyncio.to_thread(self._begin)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()  # every line is written when it is appended
            self._stream = None

    @property
    def unsettled(self) -> tuple[Change, ...]:
        """Changes that were neither kept nor taken back, the oldest first."""
        return tuple(self._open.values())

    async def note(self, change: Change) -> None:
        """Write down a change that is about to be made. What was before an unsettled one stays.

        Raises:
            ResourceExhaustedError: The file has as many lines as it may; nothing was written.
            ConfigurationError: The file cannot be written.
            ClosedError: The journal is not open.
        """
        async with self._turn:
            await self._make_room()
            key = (change.container, change.of)
            earlier = self._open.get(key)
            if earlier is not None and earlier.id == change.id:
                change = _following(earlier, change)
            self._open[key] = change
            try:
                await self._append({"changed": asdict(change)}, durable=True)
            except OmniCloudError:
                self._put_back(key, earlier)
                raise

    def made(self, container: str, of: Limited = "cpu") -> None:
        """The change that was noted last was made, so that none before it is there any more."""
        change = self._open.get((container, of))
        if change is not None:
            self._open[container, of] = replace(change, maybe=())

    async def settle(self, container: str, of: Limited = "cpu") -> None:
        """Write down that a change was kept or taken back. One that is not there is no error."""
        async with self._turn:
            if self._open.pop((container, of), None) is not None:
                await self._append({"settled": container, "of": of}, durable=False)

    def _put_back(self, key: _Key, earlier: Change | None) -> None:
        self._open.pop(key, None)
        if earlier is not None:
            self._open[key] = earlier

    async def _append(self, line: Mapping[str, object], *, durable: bool) -> None:
        self._lines += 1
        await _to_the_end(partial(self._write, line, durable))

    async def _make_room(self) -> None:
        """For one more change and its end, beside the ends of those that are open."""
        if self._lines + len(self._open) + 2 <= MOST_LINES:
            return
        if 2 * len(self._open) + 3 > MOST_LINES:
            raise ResourceExhaustedError(
                f"the journal {self._file} has {self._lines} lines, {MOST_LINES} are its bound",
                hint="change the limits of fewer containers at once",
            )
        await _to_the_end(self._write_anew)

    def _write(self, line: Mapping[str, object], durable: bool) -> None:
        if self._stream is None:
            raise ClosedError("the journal is not open")
        try:
            self._stream.write(json.dumps(line).encode() + b"\n")
            if durable:
                os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _write_anew(self) -> None:
        """A new file with what is unsettled takes the place of the old one, both locked."""
        if self._stream is None:
            raise ClosedError("the journal is not open")
        lines = [self._about(), *({"changed": asdict(one)} for one in self._open.values())]
        beside = self._file.with_name(f"{self._file.name}.new")
        try:
            beside.unlink(missing_ok=True)
            stream = beside.open("a+b", buffering=0)
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stream.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            os.fsync(stream.fileno())
            beside.rename(self._file)
        except OSError as error:
            raise self._unwritable(error) from error
        self._stream.close()
        self._stream, self._lines = stream, len(lines)

    def _begin(self) -> None:
        try:
            _make(self._file.parent)
            stream = self._file.open("a+b", buffering=0)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._lock(stream)
            self._read(stream)
        except BaseException:
            stream.close()
            raise
        self._stream = stream

    def _unwritable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"the journal {self._file} cannot be written: {error.strerror}",
            hint="name a file elsewhere with --journal",
        )

    def _lock(self, stream: IO[bytes]) -> None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(stream.fileno()), self._file.stat()):
                return  # and not one that the other run has just replaced
        except (BlockingIOError, FileNotFoundError):
            pass
        raise ConfigurationError(
            f"another run changes limits with the journal {self._file}",
            hint="let it end; what it changed is not yet to be taken back",
        )

    def _read(self, stream: IO[bytes]) -> None:
        if stream.seek(0, os.SEEK_END) > _MOST_BYTES:
            raise self._corrupted(1)
        stream.seek(0)
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        for number, line in enumerate(lines, 1):
            self._learn(line, number)
        stream.truncate(whole if self._open else 0)
        self._lines = len(lines) if self._open else 0
        if not self._lines:
            stream.write(json.dumps(self._about()).encode() + b"\n")
            self._lines = 1

    def _about(self) -> dict[str, str]:
        return {"journal": _FORM, "service": self._service}

    def _learn(self, line: bytes, number: int) -> None:
        try:
            said = json.loads(line)
            if number == 1:
                self._check_about(said)
            elif "settled" in said:
                self._open.pop((said["settled"], _of(said)), None)
            else:
                change = _change(said["changed"])
                self._open[change.container, change.of] = change
        except (ValueError, TypeError, KeyError):
            raise self._corrupted(number) from None

    def _check_about(self, said: Mapping[str, object]) -> None:
        if said["journal"] != _FORM:
            raise self._corrupted(1)
        if said["service"] != self._service:
            raise ConfigurationError(
                f"the journal {self._file} is of the service {said['service']}",
                hint="name another file with --journal",
            )

    def _corrupted(self, number: int) -> CorruptedError:
        return CorruptedError(
            f"line {number} of the journal {self._file} is none about limits",
            hint="restore the file; or look at the limits by hand, and delete it",
        )


async def _to_the_end(work: Callable[[], None]) -> None:
    """Run it in a thread; when cancelled, wait for its end first, as nobody may write beside it."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait({thread})
        raise


def _make(folder: Path) -> None:
    """Make a folder where there is none; the library's own is no part of a repository."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if folder.name == ".omnicloud":
        (folder / ".gitignore").write_text("*\n", encoding="ascii")


def _following(earlier: Change, change: Change) -> Change:
    """The change after another one, of which nobody knows yet whether it was made."""
    maybe = (*earlier.maybe, earlier.after)[-_MOST_UNSURE:]
    return replace(change, before=earlier.before, maybe=maybe)


def _change(said: Mapping[str, object]) -> Change:
    container, id_, maybe = said["container"], said["id"], said.get("maybe", [])
    before, after = (float(str(said[name])) for name in ("before", "after"))
    if not (isinstance(container, str) and isinstance(id_, str) and isinstance(maybe, list)):
        raise TypeError(container)
    return Change(container, id_, before, after, tuple(float(one) for one in maybe), _of(said))


def _of(said: Mapping[str, object]) -> Limited:
    match said.get("of", "cpu"):  # earlier versions changed no other
        case "cpu":
            return "cpu"
        case "memory":
            return "memory"
    raise ValueError(said)
