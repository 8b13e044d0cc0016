"""Locks that are joined, cut or looked up by an owner alone, and lines that a hand disturbs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import Line, Place, has_ended
from omnicloud.contracts.locks.models import Grant
from omnicloud.errors import InvalidArgumentError, UnavailableError
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.locks import LocksContract

_LONGEST = 1024


class _Folded(MemoryLocks):
    """A service's name is made one that the store takes."""

    fold: Callable[[str], str]

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, type(self).fold(namespace))


for _id, _about, _fold in (
    ("01", "in lower case", str.lower),
    ("02", "with _ for what is no letter", lambda text: re.sub(r"[^A-Za-z0-9]", "_", text)),
    ("03", "without the blanks around it", str.strip),
    ("04", "cut at 48 characters", lambda text: text[:48]),
):
    broken(f"BLIND14-LO-{_id}", "T4", f"a service's name is kept {_about}", LocksContract)(
        type("Folded", (_Folded,), {"fold": staticmethod(_fold)})
    )


@broken("BLIND14-LO-05", "T4", "lines are kept by service-name, holders apart", LocksContract)
class LinesJoined(MemoryLocks):
    def _line(self, name: str) -> Line:
        return replace(super()._line(name), waiting=self._lines().get(self._joined(name), ()))

    def _keep(self, name: str, line: Line) -> None:
        self._lines()[self._joined(name)] = line.waiting
        super()._keep(name, line)

    def _lines(self) -> dict[str, tuple[Place, ...]]:
        return self._store.rows(("locks", "all lines"))

    def _joined(self, name: str) -> str:
        return f"{self._table[1]}-{name}"


@broken("BLIND14-LO-06", "T4", "permits in use are counted by service/name", LocksContract)
class PermitsJoined(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        counted = self._store.rows(("locks", "counts"))
        key, now = f"{self._table[1]}/{op.lock}", self._now()
        mine = (self._table[1], op.lock)
        others = [
            place
            for room in counted.get(key, set()) - {mine}
            for place in self._store.rows(("locks", room[0])).get(room[1], Line()).holders
            if place.until > now
        ]
        if op.permits > 1 and len(others) >= op.permits:
            await self._store.reading()
            return None
        counted.setdefault(key, set()).add(mine)
        return await super().acquire(op)


@broken("BLIND14-LO-07", "T2", "a release ends all that the owner holds", LocksContract)
class ReleasesByOwner(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await super().release(op)
        for name in list(self._rows()):
            await super().release(replace(op, lock=name))


@broken("BLIND14-LO-08", "T4", "an owner's grant is found by the owner alone", LocksContract)
class RenewsByOwner(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        if await super().renew(op):
            return True
        now = self._now()
        for table, rows in self._store._tables.items():
            if isinstance(table, tuple) and table[0] == "locks" and table[1:] != ("counts",):
                for line in rows.values():
                    if any(one.owner == op.owner and one.until > now for one in line.holders):
                        return True
        return False


@broken("BLIND14-LO-09", "T2", "an owner waits for one name at a time", LocksContract)
class WaitsForOne(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None and op.queue_seconds is not None:
            for name, line in list(self._rows().items()):
                if name != op.lock:
                    rest = tuple(one for one in line.waiting if one.owner != op.owner)
                    self._keep(name, replace(line, waiting=rest))
        return grant


@broken("BLIND14-LO-10", "T4", "a release ends what the owner holds in any service", LocksContract)
class ReleasesEverywhere(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await super().release(op)
        for table, rows in list(self._store._tables.items()):
            if isinstance(table, tuple) and table[0] == "locks" and op.lock in rows:
                line = rows[op.lock]
                rest = tuple(one for one in line.holders if one.owner != op.owner)
                rows[op.lock] = replace(line, holders=rest)


@broken("BLIND14-LO-11", "T2", "an owner's token is told of whatever it asks for", LocksContract)
class TokenByOwner(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        now = self._now()
        for name, line in self._rows().items():
            for one in line.holders:
                if name != op.lock and one.owner == op.owner and one.until > now:
                    await self._store.reading()
                    return Grant(one.token)
        return await super().acquire(op)


class _Cut(MemoryLocks):
    """A stored name is made fit for a column."""

    cut: Callable[[str], str]

    def _line(self, name: str) -> Line:
        return super()._line(type(self).cut(name))

    def _keep(self, name: str, line: Line) -> None:
        super()._keep(type(self).cut(name), line)


def _bytes(start: int | None, end: int | None) -> Callable[[str], str]:
    return lambda name: name.encode()[start:end].decode(errors="ignore")


def _middle(name: str) -> str:
    both = name.encode()
    return name if len(both) <= _LONGEST else repr((both[:512], both[-512:]))


for _id, _about, _cut in (
    ("12", "cut at 1,024 bytes, a tenant's beginning with it", _bytes(0, _LONGEST)),
    ("13", "its last 1,024 bytes, of a tenant or not", _bytes(-_LONGEST, None)),
    ("14", "cut at 1,280 bytes, short of the longest tenant", _bytes(0, 1280)),
    ("15", "cut at 1,400 bytes, short of the longest tenant by ten", _bytes(0, 1400)),
    ("16", "512 bytes from either end where it is longer", _middle),
    ("17", "cut at 768 characters", lambda name: name[:768]),
):
    broken(f"BLIND14-LO-{_id}", "T4", f"a stored name is {_about}", LocksContract)(
        type("Cut", (_Cut,), {"cut": staticmethod(_cut)})
    )


@broken("BLIND14-LO-18", "T1", "a name of over 1,024 bytes as stored is refused", LocksContract)
class RefusesLong(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if len(op.lock.encode()) > _LONGEST:
            raise InvalidArgumentError("the name is too long")
        return await super().acquire(op)


@broken("BLIND14-LO-19", "T2", "who leaves the line takes those behind along", LocksContract)
class LeavesWithAll(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        line = self._line(op.lock)
        owners = [one.owner for one in line.waiting]
        await super().release(op)
        if op.owner in owners:
            kept = line.waiting[: owners.index(op.owner)]
            self._keep(op.lock, replace(line, waiting=kept))


@broken("BLIND14-LO-20", "T2", "a permit given back is the first waiter's at once", LocksContract)
class HandsOn(MemoryLocks):
    """The one it is handed to may have left its place to lapse: it is held by nobody."""

    async def release(self, op: Release, /) -> None:
        held = any(one.owner == op.owner for one in self._line(op.lock).holders)
        await super().release(op)
        line = self._line(op.lock)
        if held and len(line.waiting) > 1 and line.holders:
            first = line.waiting[0]._replace(token=self._store.number())
            self._keep(op.lock, Line((*line.holders, first), line.waiting[1:]))


@broken("BLIND14-LO-21", "T2", "a renewal that comes too late clears the line", LocksContract)
class LateRenewalClears(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        had = any(one.owner == op.owner for one in self._line(op.lock).holders)
        done = await super().renew(op)
        if had and not done:
            self._keep(op.lock, replace(self._line(op.lock), waiting=()))
        return done


@broken(
    "BLIND14-LO-22", "T2", "a holder that asks again while some wait is put last", LocksContract
)
class AskedAgainGoesLast(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        line, now = self._line(op.lock), self._now()
        waits = any(one.until > now for one in line.waiting)
        holds = any(one.owner == op.owner and one.until > now for one in line.holders)
        if op.permits > 1 and waits and holds and op.queue_seconds is not None:
            await self._store.reading()
            return None
        return await super().acquire(op)


@broken("BLIND14-LO-23", "T2", "a lapsed place keeps those behind it waiting", LocksContract)
class LapsedStays(MemoryLocks):
    """A place is swept where its own name is released, not where its time is over."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        now, line = self._now(), self._line(op.lock)
        if op.permits > 1 and not has_ended(line, now):
            kept = tuple(
                one if one.until > now else one._replace(until=now + 1.0) for one in line.waiting
            )
            self._keep(op.lock, replace(line, waiting=kept))
        return await super().acquire(op)


@broken("BLIND14-LO-24", "T2", "a release by who only waits frees a permit", LocksContract)
class WaiterFreesPermit(MemoryLocks):
    """The count goes down with every release that removes something."""

    async def release(self, op: Release, /) -> None:
        waits = any(one.owner == op.owner for one in self._line(op.lock).waiting)
        await super().release(op)
        line = self._line(op.lock)
        if waits and len(line.holders) > 1:
            self._keep(op.lock, replace(line, holders=line.holders[1:]))


class _Sessions(MemoryLocks):
    """A client that notices when it lost the store."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._lost = False
        self._asking: dict[str, str] = {}

    async def renew(self, op: Renew, /) -> bool:
        try:
            return await super().renew(op)
        except UnavailableError:
            self._lost = True
            raise

    async def acquire(self, op: Acquire, /) -> Grant | None:
        try:
            grant = await super().acquire(op)
        except UnavailableError:
            self._lost = True
            raise
        if grant is None and op.queue_seconds is not None:
            self._asking[op.lock] = op.owner
        return grant


@broken("BLIND14-LO-25", "T3", "after an outage the first renewal answers False", LocksContract)
class SessionOver(_Sessions):
    async def renew(self, op: Renew, /) -> bool:
        done = await super().renew(op)
        if self._lost:
            self._lost = False
            return False
        return done


@broken("BLIND14-LO-26", "T3", "after an outage those in line lose their places", LocksContract)
class PlacesLost(_Sessions):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        if self._lost and not self._store.down:
            self._lost = False
            for name, owner in self._asking.items():
                line = self._line(name)
                rest = tuple(one for one in line.waiting if one.owner != owner)
                self._keep(name, replace(line, waiting=rest))
        return await super().acquire(op)


@broken("BLIND14-LO-27", "T3", "an outage while one waits is told as refused", LocksContract)
class RefusedInOutage(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        try:
            return await super().acquire(op)
        except UnavailableError:
            if op.queue_seconds is None:
                raise
            return None


@broken("BLIND14-LO-28", "T3", "an outage while one renews is told as done", LocksContract)
class RenewedInOutage(MemoryLocks):
    """Takes the end that it knows for true, and says so until then."""

    async def renew(self, op: Renew, /) -> bool:
        try:
            return await super().renew(op)
        except UnavailableError:
            now = self._now()
            return any(
                one.owner == op.owner and one.until > now + 30.0
                for one in self._line(op.lock).holders
            ) or self._unknown(op)

    def _unknown(self, op: Renew) -> bool:
        raise UnavailableError("the store is down")


@broken(
    "BLIND14-LO-29", "T3", "a grant given up in an outage is asked for afterwards", LocksContract
)
class AsksAfterwards(_Sessions):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._later: list[Acquire] = []

    async def acquire(self, op: Acquire, /) -> Grant | None:
        try:
            grant = await super().acquire(op)
        except UnavailableError:
            if op.queue_seconds is not None:
                self._later.append(op)
            raise
        while self._later:
            await super().acquire(self._later.pop())
        return grant
