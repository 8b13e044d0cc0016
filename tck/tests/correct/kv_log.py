"""A right kv driver that keeps nothing but a log, which it plays anew for each request."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import NoReturn

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import (
    Change,
    ChangeKind,
    ChangePage,
    KVFeature,
    KVLimits,
    Page,
    Record,
)
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError, UnsupportedError

_INT64 = 1 << 63
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_PAGE = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A key has this value from now on, or, without one, is gone."""

    key: str
    value: bytes | None = None
    until: float | None = None
    version: str = ""


class Log(Backend):
    """Entries of one or several lines; an entry is written in one step."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.entries: list[tuple[Line, ...]] = []

    def write(self, *lines: Line) -> None:
        """Append an entry."""
        if lines:
            self.entries.append(lines)
            self.tell()

    def version(self) -> str:
        """A name that no version had: where it is written, and something by chance."""
        return f"ß-{self.chance.getrandbits(20):x}@{len(self.entries)}"

    def live(self) -> dict[str, Line]:
        """What is there; what has expired is written down as gone first."""
        now = self.now()
        state = self._played()
        gone = [line for line in state.values() if line.until is not None and line.until <= now]
        for line in gone:
            self.write(Line(line.key))
            del state[line.key]
        return state

    def _played(self) -> dict[str, Line]:
        state: dict[str, Line] = {}
        for entry in self.entries:
            for line in entry:
                if line.value is None:
                    state.pop(line.key, None)
                else:
                    state[line.key] = line
        return state


_LONG = {"KV-003", "KV-040", "KV-110", "KV-111", "KV-112", "KV-113", "G-097"}


@correct("kv", spared=_LONG | {"KV-170", "KV-171", "KV-172", "KV-173"})
class LogKV(Apart):
    """Two keys a page, each third page empty; one entry a page of changes; the least limits."""

    backend_class = Log
    _backend: Log
    features: frozenset[Feature] = frozenset(KVFeature) - {KVFeature.TRANSACTION}
    limits = KVLimits(
        name_max_bytes=1410, value_max_bytes=1500, batch_max_items=4, batch_max_bytes=2000
    )

    async def get(self, op: Get, /) -> Record | None:
        (found,) = await self.get_many(GetMany((op.key,)))
        return found

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        await self.arrive()
        state, now = self._backend.live(), self._backend.now()
        found = tuple(_record(state.get(key), now) for key in op.keys)
        await self.linger()
        return found

    async def set(self, op: Set, /) -> str:
        await self.arrive()
        held = self._backend.live().get(op.key)
        _compare(held, op.if_version)
        if op.if_absent and held is not None:
            raise AlreadyExistsError("the log has the key")
        line = Line(op.key, op.value, self._until(op.ttl), self._backend.version())
        self._backend.write(line)
        await self.linger()
        return line.version

    async def set_many(self, op: SetMany, /) -> None:
        await self.arrive()
        until, version = self._until(op.ttl), self._backend.version()
        self._backend.write(*(Line(key, value, until, version) for key, value in op.items))
        await self.linger()

    async def delete(self, op: Delete, /) -> bool:
        await self.arrive()
        held = self._backend.live().get(op.key)
        _compare(held, op.if_version)
        if held is not None:
            self._backend.write(Line(op.key))
        await self.linger()
        return held is not None

    async def delete_many(self, op: DeleteMany, /) -> None:
        await self.arrive()
        state = self._backend.live()
        self._backend.write(*(Line(key) for key in set(op.keys) if key in state))
        await self.linger()

    async def scan(self, op: Scan, /) -> Page:
        await self.arrive()
        last, turn = json.loads(op.cursor) if op.cursor else ("", 0)
        state = self._backend.live()
        keys = sorted(
            key for key in state if key.startswith(op.prefix) and (not turn or key > last)
        )
        await self.linger()
        if turn % 3 == 1 and keys:
            return Page((), json.dumps([last, turn + 1]))
        page = keys[: min(op.limit, _PAGE)]
        more = len(keys) > len(page)
        return Page(tuple(page), json.dumps([page[-1], turn + 1]) if more else None)

    async def increment(self, op: Increment, /) -> int:
        await self.arrive()
        held = self._backend.live().get(op.key)
        total = _number(b"0" if held is None else held.value or b"") + op.delta
        if not -_INT64 <= total < _INT64:
            raise ConflictError("the sum has more than 64 bit")
        until = None if held is None else held.until
        self._backend.write(Line(op.key, b"%d" % total, until, self._backend.version()))
        await self.linger()
        return total

    async def changes(self, op: Changes, /) -> ChangePage:
        await self.arrive()
        state = self._backend.live()
        if op.cursor is None:
            return ChangePage((), str(len(self._backend.entries)))
        at, end = int(op.cursor), self._backend.now() + op.wait
        while True:
            found, at = self._told(op.prefix, at)
            if found or self._backend.now() >= end:
                return ChangePage(found, str(at))
            ends = (line.until for line in state.values() if line.until is not None)
            await self._backend.until(min((end, *ends)))
            await self._store.reading()
            state = self._backend.live()

    def _told(self, prefix: str, at: int) -> tuple[tuple[Change, ...], int]:
        """The next entry about such keys, and where to read on."""
        for place, entry in enumerate(self._backend.entries[at:], at):
            found = tuple(_change(line) for line in entry if line.key.startswith(prefix))
            if found:
                return found, place + 1
        return (), len(self._backend.entries)

    def _until(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._backend.now() + ttl

    async def begin(self, op: Begin, /) -> NoReturn:
        await asyncio.sleep(0)
        raise UnsupportedError("a log has no transactions")

    def within(self, transaction: object, /) -> NoReturn:
        raise UnsupportedError("a log has no transactions")


def _record(line: Line | None, now: float) -> Record | None:
    if line is None or line.value is None:
        return None
    return Record(line.value, line.version, None if line.until is None else line.until - now)


def _compare(held: Line | None, version: str | None) -> None:
    if version is not None and (held is None or held.version != version):
        raise ConflictError("the log says another version")


def _change(line: Line) -> Change:
    if line.value is None:
        return Change(line.key, ChangeKind.DELETED)
    return Change(line.key, ChangeKind.SET, line.version)


def _number(text: bytes) -> int:
    # Looked at before it is read: an error of ``int`` would carry the value along.
    number = int(text) if _INTEGER.fullmatch(text) else _INT64
    if not -_INT64 <= number < _INT64:
        raise ConflictError("what is stored is no integer of 64 bit")
    return number
