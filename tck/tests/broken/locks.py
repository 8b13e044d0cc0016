"""locks drivers, and handles, that are wrong on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks import Grant
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import Line, Place
from omnicloud.contracts.locks.models import LocksFeature
from omnicloud.core.operation import Feature
from omnicloud.errors import InvalidArgumentError, UnavailableError
from omnicloud.memory.locks import FEATURES, MemoryLocks
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.world import World


def locks(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, LocksContract)


class _Other(MemoryLocks):
    """Asks for something else than it is asked."""

    def asked(self, op: Acquire) -> Acquire:
        return op

    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(self.asked(op))


@locks("LO01", "T0", "every attempt succeeds")
class Always(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(op) or Grant(self._store.number())


@locks("LO02", "T0", "the ttl is ignored")
class NoTtl(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, ttl=1e9)


@locks("LO04", "T0", "an attempt on a held lock waits")
class Waits(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        while True:
            grant = await super().acquire(op)
            if grant is not None or op.queue_seconds is not None:
                return grant
            await asyncio.sleep(0.05)


@locks("LO08", "T2", "looking and taking are two steps")
class TwoSteps(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        now = self._now()
        held = [place for place in self._line(op.lock).holders if place.until > now]
        await asyncio.sleep(0)
        if held and held[0].owner != op.owner:
            return await super().acquire(op)
        token = held[0].token if held else self._store.number()
        self._keep(op.lock, Line((Place(op.owner, self._now() + op.ttl, token),)))
        return Grant(token)


@locks("LO09", "T2", "each client has locks of its own")
class OwnLocks(MemoryLocks):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(MemoryStore(store.clock), namespace)


@locks("LO12", "T1", "a fraction of a second is cut to nothing, which is for ever")
class WholeSeconds(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, ttl=float(int(op.ttl)) or 1e9)


@locks("LO18", "T1", "names are cut to 8 characters")
class ShortNames(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, lock=op.lock[:8])


@locks("LO19", "T3", "locks end by the wall clock")
class WallClock(MemoryLocks):
    def _now(self) -> float:
        return self._store.clock.wall()


@locks("LO20", "T2", "an attempt goes on after it is cancelled")
class GoesOn(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        task = asyncio.ensure_future(self._later(op))
        return await asyncio.shield(task)

    async def _later(self, op: Acquire) -> Grant | None:
        for _ in range(6):
            await asyncio.sleep(0)
        return await super().acquire(op)


# Handles


class _Handle:
    """Stands before a right handle."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.inner = make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def acquire(self, **options: Any) -> bool:
        return bool(await self.inner.acquire(**options))

    async def __aenter__(self) -> bool:
        return bool(await self.inner.__aenter__())

    async def __aexit__(self, *how: object) -> None:
        await self.inner.__aexit__(*how)


class _Locks:
    def __init__(self, inner: Any, handle: type[_Handle]) -> None:
        self._inner = inner
        self._handle = handle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get_lock(self, name: str, ttl: float) -> Any:
        return self._handle(lambda: self._inner.get_lock(name, ttl))


def handle(id_: str, tier: str, summary: str) -> Callable[[type[_Handle]], type[_Handle]]:
    """Enter a wrong handle, over the right driver."""

    def enter(kind: type[_Handle]) -> type[_Handle]:
        class Portable(LocksContract):
            async def portable(self, world: World[Any]) -> Any:
                return _Locks(await super().portable(world), kind)

        broken(id_, tier, summary, Portable)(MemoryLocks)
        return kind

    return enter


@handle("LO10", "T1", "a handle that holds is granted again")
class Reentrant(_Handle):
    async def acquire(self, **options: Any) -> bool:
        return self.inner.expires_in > 0 or await super().acquire(**options)


@handle("LO13", "T1", "the ttl counts from get_lock")
class EarlyTtl(_Handle):
    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__(make)
        self.made = self.inner._leases.clock.monotonic()

    async def acquire(self, **options: Any) -> bool:
        leases = self.inner._leases
        gone = leases.clock.monotonic() - self.made
        leases.ttl = max(0.001, leases.ttl - gone)
        return await super().acquire(**options)


@handle("LO14", "T1", "a block that raises releases nothing")
class KeptOnError(_Handle):
    async def __aexit__(self, *how: object) -> None:
        if how[0] is None:
            await super().__aexit__(*how)


@handle("LO16", "T1", "a block without the lock is told that it has it")
class ToldYes(_Handle):
    async def __aenter__(self) -> bool:
        await super().__aenter__()
        return True


@handle("XLO01", "T1", "a handle cannot be used again")
class OnlyOnce(_Handle):
    used = False

    async def acquire(self, **options: Any) -> bool:
        if self.used:
            return False
        self.used = await super().acquire(**options)
        return self.used


@handle("XLO02", "T2", "waiting has no bound")
class WaitsForEver(_Handle):
    async def acquire(self, **options: Any) -> bool:
        if "wait" in options:
            options["wait"] = 3600
        return await super().acquire(**options)


@handle("XLO03", "T1", "a ttl that is not positive is taken as a minute")
class AnyTtl(_Handle):
    def __init__(self, make: Callable[[], Any]) -> None:
        try:
            super().__init__(make)
        except InvalidArgumentError:
            self.inner = None

    async def acquire(self, **options: Any) -> bool:
        return True if self.inner is None else await super().acquire(**options)


# Owners, renewals, tokens


@locks("XLO04", "T2", "anyone releases")
class AnyoneReleases(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        self._rows().pop(op.lock, None)


@locks("XLO05", "T0", "release does nothing")
class NoRelease(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()


@locks("XLO06", "T1", "releasing what one does not hold raises")
class ReleaseRaises(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        if op.owner not in {place.owner for place in line.holders + line.waiting}:
            raise InvalidArgumentError("not held")
        await super().release(op)


@locks("XLO07", "T4", "tenants share their locks")
class NoTenants(_Other):
    def asked(self, op: Acquire) -> Acquire:
        tenant, slash, name = op.lock.partition("/")
        return replace(op, lock=name) if slash and tenant.startswith("~") else op


@locks("XLO08", "T3", "an outage is told as a held lock")
class Calm(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        try:
            return await super().acquire(op)
        except UnavailableError:
            return None


@locks("XLO09", "T3", "closing frees every lock")
class CloseFrees(MemoryLocks):
    async def aclose(self) -> None:
        self._rows().clear()


@locks("XLO10", "T3", "closing twice raises")
class CloseOnce(MemoryLocks):
    async def aclose(self) -> None:
        if self.__dict__.setdefault("closed", False):
            raise RuntimeError("closed already")
        self.closed = True


@locks("XLO11", "T1", "a renewal does nothing")
class NoRenewal(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        return any(
            p.owner == op.owner and p.until > self._now() for p in self._line(op.lock).holders
        )


class _OtherRenewal(MemoryLocks):
    def until(self, op: Renew, place: Place) -> float:
        return self._now() + op.ttl

    async def renew(self, op: Renew, /) -> bool:
        old = self._line(op.lock)
        if not await super().renew(op):
            return False
        ends = {place.owner: self.until(op, place) for place in old.holders}
        line = self._line(op.lock)
        holders = tuple(
            place._replace(until=ends[op.owner]) if place.owner == op.owner else place
            for place in line.holders
        )
        self._keep(op.lock, replace(line, holders=holders))
        return True


@locks("XLO12", "T1", "a renewal adds to the time that is left")
class RenewalAdds(_OtherRenewal):
    def until(self, op: Renew, place: Place) -> float:
        return place.until + op.ttl


@locks("XLO13", "T1", "a renewal never shortens")
class NeverShorter(_OtherRenewal):
    def until(self, op: Renew, place: Place) -> float:
        return max(place.until, self._now() + op.ttl)


@locks("XLK03", "T3", "a renewal takes the lock back from who has it since")
class RenewalSteals(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        held = self._store.rows("held")
        if (op.lock, op.owner) not in held:
            return await super().renew(op)
        place = Place(op.owner, self._now() + op.ttl, held[op.lock, op.owner])
        self._keep(op.lock, Line((place,)))
        return True

    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is not None:
            self._store.rows("held")[op.lock, op.owner] = grant.token
        return grant

    async def release(self, op: Release, /) -> None:
        await super().release(op)
        self._store.rows("held").pop((op.lock, op.owner), None)


@locks("XLO14", "T3", "what has ended is renewed where no one took it")
class RenewsTheEnded(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        line = self._line(op.lock)
        if [place.owner for place in line.holders] != [op.owner]:
            return await super().renew(op)
        self._keep(op.lock, Line((line.holders[0]._replace(until=self._now() + op.ttl),)))
        return True


@locks("XLO15", "T2", "an acquisition that is repeated is refused")
class NotRepeatable(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        held = any(p.owner == op.owner and p.until > self._now() for p in self._holders(op))
        return None if held else await super().acquire(op)

    def _holders(self, op: Acquire) -> tuple[Place, ...]:
        return self._line(op.lock).holders


@locks("XLK01", "T2", "the token is the time in seconds")
class TimeTokens(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        return None if grant is None else Grant(1 + int(self._now()))


@locks("XLO16", "T2", "there are no tokens, though they are declared")
class NoTokens(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return None if await super().acquire(op) is None else Grant()


@locks("XLK02", "T3", "tokens begin at 1 with each start of the backend")
class TokensBegin(MemoryLocks):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        store.rows("tokens").clear()

    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        tokens = self._store.rows("tokens")
        if grant is None:
            return None
        return Grant(tokens.setdefault((op.lock, op.owner), len(tokens) + 1))


@locks("XLO17", "T2", "a token for each client's own count")
class TokensByClient(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None:
            return None
        given = self.__dict__.setdefault("given", {})
        return Grant(given.setdefault((op.lock, op.owner), len(given) + 1))


@locks("XLK08", "T3", "grants, said to be durable, are lost when the backend fails over")
class LostInFailover(MemoryLocks):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        clients = store.rows("clients")
        clients["count"] = clients.get("count", 0) + 1
        if clients["count"] == 3:  # the one after the restart
            self._rows().clear()

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES | {LocksFeature.DURABLE}


# Permits and the line


@locks("XLO18", "T1", "one permit too many")
class OneTooMany(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, permits=op.permits + (op.permits > 1))


@locks("XLO19", "T1", "a semaphore has one permit")
class OnePermit(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, permits=1)


@locks("XLO20", "T2", "one release frees all permits")
class FreesAll(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        if op.owner in {place.owner for place in line.holders}:
            self._keep(op.lock, replace(line, holders=()))
        await super().release(op)


@locks("XLK06", "T2", "newcomers come before those who wait")
class NoLine(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, queue_seconds=None)


@locks("XLO21", "T2", "who waits last is granted first")
class LastFirst(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        line = self._line(op.lock)
        self._keep(op.lock, replace(line, waiting=line.waiting[::-1]))
        grant = await super().acquire(op)
        line = self._line(op.lock)
        self._keep(op.lock, replace(line, waiting=line.waiting[::-1]))
        return grant


@locks("XLK07", "T2", "a waiter keeps its place after it has left")
class PlaceKept(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        await super().release(op)
        self._keep(op.lock, replace(self._line(op.lock), waiting=line.waiting))


@locks("XLO22", "T3", "a place in the line never ends")
class PlaceForEver(_Other):
    def asked(self, op: Acquire) -> Acquire:
        return replace(op, queue_seconds=None if op.queue_seconds is None else 1e6)


@locks("XLO23", "T3", "asking again does not keep the place for longer")
class PlaceNotProlonged(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        waiting = {place.owner for place in self._line(op.lock).waiting}
        left = [p.until for p in self._line(op.lock).waiting if p.owner == op.owner]
        if op.owner in waiting and op.queue_seconds is not None:
            op = replace(op, queue_seconds=left[0] - self._now())
        return await super().acquire(op)


@locks("XLO24", "T2", "every attempt blocks the event loop for 20 ms")
class Blocks(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        time.sleep(0.02)
        return await super().acquire(op)


@locks("XLO25", "T3", "leaks one task per attempt")
class LeaksTasks(MemoryLocks):
    leaked: list[asyncio.Task[None]] = []

    async def acquire(self, op: Acquire, /) -> Grant | None:
        self.leaked.append(asyncio.ensure_future(asyncio.sleep(1e6)))
        return await super().acquire(op)

    async def aclose(self) -> None:
        while self.leaked:
            self.leaked.pop().cancel()
