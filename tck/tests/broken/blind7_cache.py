"""cache drivers written against the contract alone, for a seventh count of what the kit finds."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch, Unclaim
from omnicloud.contracts.cache.models import Cached
from omnicloud.errors import UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND7-CA-{number}", tier, summary, CacheContract)


@cache("01", "T0", "touch says of every key that it was not live")
class NeverLive(MemoryCache):
    """ "answer whether it was live". Met by the first touch: the service says 1, which is not
    True."""

    async def touch(self, op: Touch, /) -> bool:
        await super().touch(op)
        return False


@cache("02", "T1", "touch makes a life longer, never shorter")
class OnlyLonger(MemoryCache):
    """ "Decide the time to live of a live key anew". Met by who lets a key end soon: EXPIRE with
    GT."""

    async def touch(self, op: Touch, /) -> bool:
        shelf = await self._turn()
        entry, end = shelf.get(op.key), self._end(op.ttl)
        if entry is None:
            return False
        if end is None or (entry.deadline is not None and end > entry.deadline):
            return shelf.prolong(op.key, end)
        return True


class _Renamed(MemoryCache):
    """A cache that keeps its keys under other names."""

    def _named(self, key: str) -> str:
        raise NotImplementedError

    async def get(self, op: Get, /) -> Cached | None:
        return await super().get(Get(self._named(op.key)))

    async def set(self, op: Set, /) -> None:
        await super().set(replace(op, key=self._named(op.key)))

    async def delete(self, op: Delete, /) -> None:
        await super().delete(Delete(self._named(op.key)))

    async def touch(self, op: Touch, /) -> bool:
        return await super().touch(replace(op, key=self._named(op.key)))

    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, key=self._named(op.key)))

    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(replace(op, key=self._named(op.key)))

    async def unclaim(self, op: Unclaim, /) -> None:
        await super().unclaim(replace(op, key=self._named(op.key)))


@cache("03", "T1", "keys are cut at 250 bytes")
class CutsKeys(_Renamed):
    """ "names of 1,024 bytes of UTF-8, never colliding". Met by keys made of long URLs, in
    memcached."""

    def _named(self, key: str) -> str:
        return key.encode()[:250].decode(errors="ignore")


@cache("04", "T2", "clear leaves the claims of keys that have no entry")
class LeavesClaims(MemoryCache):
    """ "void their claims". Met by a clear while a missing value is loaded: what was loaded from
    the old data is stored after it."""

    async def clear(self, op: Clear, /) -> None:
        shelf = await self._turn()
        for key in [key for key in shelf._entries if op.covers(key)]:
            shelf.drop(key)


@cache("05", "T2", "whoever ends a claim ends it, whosever it is")
class EndsAnyClaim(MemoryCache):
    """ "silent where it is another's". Met by a loader that was cancelled after its claim ended
    and another's began."""

    async def unclaim(self, op: Unclaim, /) -> None:
        (await self._turn())._claims.pop(op.key, None)


@cache("06", "T2", "a near copy is told of writes and deletions by others, but not of their clear")
class NearCopy(MemoryCache):
    """ "never one that was deleted". Met by two processes, one of which clears."""

    def _stamps(self) -> dict[Any, Any]:
        return self._store.rows(("stamps", self._table))

    def _near(self) -> dict[str, tuple[int, Entry]]:
        near: dict[str, tuple[int, Entry]] = self.__dict__.setdefault("_wrong_near", {})
        return near

    def _changed(self, key: str) -> None:
        self._stamps()[key] = self._store.number()

    async def get(self, op: Get, /) -> Cached | None:
        shelf = await self._turn()
        stamp, now = self._stamps().get(op.key, 0), self._now()
        known = self._near().get(op.key)
        entry = known[1] if known is not None and known[0] == stamp else shelf.get(op.key)
        if entry is None or (entry.deadline is not None and entry.deadline <= now):
            self._near().pop(op.key, None)
            return None
        self._near()[op.key] = (stamp, entry)
        return Cached(entry.value, None if entry.deadline is None else entry.deadline - now)

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._changed(op.key)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        self._changed(op.key)

    async def touch(self, op: Touch, /) -> bool:
        found = await super().touch(op)
        self._changed(op.key)
        return found

    async def fill(self, op: Fill, /) -> bool:
        stood = await super().fill(op)
        self._changed(op.key)
        return stood

    async def clear(self, op: Clear, /) -> None:
        await super().clear(op)
        self._near().clear()


@cache("07", "T2", "touch reads the value and writes it again, over what came between")
class WritesAgain(MemoryCache):
    """ "never one that was written over". Met by a touch beside a write or a deletion, where the
    service has no touch of its own."""

    async def touch(self, op: Touch, /) -> bool:
        entry = (await self._turn()).get(op.key)
        if entry is None:
            return False
        await asyncio.sleep(0)
        self._shelf().put(op.key, Entry(entry.value, self._end(op.ttl)))
        return True


@cache("08", "T3", "a claim that its owner asks for again is not prolonged")
class ClaimStays(MemoryCache):
    """ "asking again as the same owner prolongs it". Met by a claim that is repeated after a lost
    answer: SET with NX fails, and the owner is found to be oneself."""

    async def claim(self, op: Claim, /) -> bool:
        held = (await self._turn())._claims.get(op.key)
        if held is not None and held.owner == op.owner:
            return True
        return await super().claim(op)


@cache("09", "T3", "a claim that has ended still fills, while no other has come")
class FillsLate(MemoryCache):
    """ "if it still stands". Met by a loader that takes longer than its claim."""

    def _last(self) -> dict[Any, Any]:
        return self._store.rows(("last", self._table))

    async def claim(self, op: Claim, /) -> bool:
        won = await super().claim(op)
        if won:
            self._last()[op.key] = op.owner
        return won

    async def fill(self, op: Fill, /) -> bool:
        stood = await super().fill(op)
        if not stood and self._last().get(op.key) == op.owner:
            self._shelf().put(op.key, Entry(op.value, self._end(op.ttl)))
            stood = True
        self._last().pop(op.key, None)
        return stood

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._last().pop(op.key, None)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        self._last().pop(op.key, None)

    async def unclaim(self, op: Unclaim, /) -> None:
        await super().unclaim(op)
        if self._last().get(op.key) == op.owner:
            del self._last()[op.key]

    async def clear(self, op: Clear, /) -> None:
        await super().clear(op)
        for key in [key for key in self._last() if op.covers(key)]:
            del self._last()[key]


@cache("10", "T3", "a delete during an outage says that it is done")
class DeletesInVain(MemoryCache):
    """ "never one that was deleted"; an outage is UnavailableError. Met by a price that changes
    while the server restarts: it is only a cache, thought the author."""

    async def delete(self, op: Delete, /) -> None:
        try:
            await super().delete(op)
        except UnavailableError:
            return


@cache("11", "T4", "the error of an outage carries the value that was to be written")
class CarriesValue(MemoryCache):
    """ "Neither payloads nor secrets enter an error". Met by every outage."""

    async def set(self, op: Set, /) -> None:
        try:
            await super().set(op)
        except UnavailableError as error:
            text = f"SET {op.key} {op.value!r}: connection refused"
            raise UnavailableError(text, outcome=error.outcome) from None


@cache("12", "T4", "spaces and control characters of a key become underscores")
class Underscores(_Renamed):
    """ "names are any Unicode, never colliding". Met by keys made of what users typed, in a
    protocol of words: one reads what is another's."""

    def _named(self, key: str) -> str:
        return re.sub(r"[\s\x00-\x1f\x7f]", "_", key)
