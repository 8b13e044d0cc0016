"""A right locks driver over a journal for each name: who holds it is found by reading that."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.memory.store import MemoryStore

_LONG = 24  # entries of a journal before it is cut
_FIRST_TOKEN = 1 << 70
_MANY = 50  # names before those that nobody has are forgotten

R = TypeVar("R")


class _Entry(NamedTuple):
    """What an owner did to a name."""

    at: float
    what: str
    owner: str
    until: float = 0.0
    token: int = 0


_Places = dict[str, _Entry]
"""Those who hold a name, or wait for it, by owner, in the order of their coming."""


class _Journals(Backend):
    """The journals of one namespace."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._entries: dict[str, list[_Entry]] = {}
        self._token = _FIRST_TOKEN
        self._many = _MANY

    def token(self) -> int:
        """Larger than all before, by an unknown width."""
        self._token += 1 + secrets.randbelow(1 << 20)
        return self._token

    def write(self, name: str, what: str, owner: str, lasts: float = 0.0, token: int = 0) -> None:
        """Say at the end of a journal what an owner does."""
        now = self.now()
        self._entries.setdefault(name, []).append(_Entry(now, what, owner, now + lasts, token))

    def state(self, name: str) -> tuple[_Places, _Places]:
        """Who holds the name, and who waits for it."""
        now, journal = self.now(), self._entries.get(name, [])
        holders: _Places = {}
        waiting: _Places = {}
        for entry in journal:
            _forget(entry.at, holders, waiting)
            if entry.what == "wait":
                waiting[entry.owner] = entry  # in its old place, where it has one
                continue
            waiting.pop(entry.owner, None)
            if entry.what == "hold":
                holders[entry.owner] = entry
            else:
                holders.pop(entry.owner, None)
        _forget(now, holders, waiting)
        if not holders and not waiting:
            self._entries.pop(name, None)
        elif len(journal) > _LONG:
            self._entries[name] = [
                one._replace(at=now) for one in (*holders.values(), *waiting.values())
            ]
        return holders, waiting

    def sweep(self) -> None:
        """Forget names that nobody has."""
        if len(self._entries) > self._many:
            for name in list(self._entries):
                self.state(name)
            self._many = 2 * len(self._entries) + _MANY


def _forget(now: float, *several: _Places) -> None:
    for places in several:
        for owner in [owner for owner, entry in places.items() if entry.until <= now]:
            del places[owner]


@correct("locks")
class JournalLocks(Apart):
    """Tokens beyond 64 bits, that leave gaps; three permits; requests in a row for each name."""

    backend_class = _Journals
    _backend: _Journals
    features: frozenset[Feature] = frozenset(
        {LocksFeature.FENCING, LocksFeature.PERMITS, LocksFeature.FAIR}
    )
    limits = LocksLimits(name_max_bytes=1410, permits_max=3)

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._last: dict[str, asyncio.Future[None]] = {}  # by name: who came last, done or not

    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await self._in_row(op.lock, lambda: self._acquire(op))

    async def renew(self, op: Renew, /) -> bool:
        return await self._in_row(op.lock, lambda: self._renew(op))

    async def release(self, op: Release, /) -> None:
        await self._in_row(op.lock, lambda: self._release(op))

    async def _in_row(self, name: str, decide: Callable[[], R]) -> R:
        """What is decided after the requests about the name that were sent before."""
        loop = asyncio.get_running_loop()
        before = self._last.get(name)
        if before is not None and (before.done() or before.get_loop() is not loop):
            before = None
        mine = self._last[name] = loop.create_future()
        try:
            await self.arrive()
            if before is not None:
                await asyncio.wait([before])
            self._backend.sweep()
            answer = decide()
        finally:
            if before is not None and not before.done():  # cancelled; who follows waits on
                before.add_done_callback(lambda _: self._leave_row(name, mine))
            else:
                self._leave_row(name, mine)
        await self.linger()
        return answer

    def _leave_row(self, name: str, mine: asyncio.Future[None]) -> None:
        mine.set_result(None)
        if self._last.get(name) is mine:
            del self._last[name]

    def _acquire(self, op: Acquire) -> Grant | None:
        holders, waiting = self._backend.state(op.lock)
        line = list(waiting)
        ahead = line.index(op.owner) if op.owner in waiting else len(line)
        held = holders.get(op.owner)
        if held is not None or ahead < op.permits - len(holders):
            token = self._backend.token() if held is None else held.token
            self._backend.write(op.lock, "hold", op.owner, op.ttl, token)
            return Grant(token)
        if op.queue_seconds is not None:
            self._backend.write(op.lock, "wait", op.owner, op.queue_seconds)
        return None

    def _renew(self, op: Renew) -> bool:
        held = self._backend.state(op.lock)[0].get(op.owner)
        if held is not None:
            self._backend.write(op.lock, "hold", op.owner, op.ttl, held.token)
        return held is not None

    def _release(self, op: Release) -> None:
        holders, waiting = self._backend.state(op.lock)
        if op.owner in holders or op.owner in waiting:
            self._backend.write(op.lock, "leave", op.owner)
