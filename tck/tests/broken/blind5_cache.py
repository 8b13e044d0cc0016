"""cache drivers written against the contract alone, for a fifth count of what the kit finds."""

from __future__ import annotations

import asyncio
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
    return broken(f"BLIND5-CA-{number}", tier, summary, CacheContract)


@cache("01", "T0", "a set over a live entry changes nothing")
class AddsOnly(MemoryCache):
    """ "never answers with ... one that was written over". Met by the second write."""

    async def set(self, op: Set, /) -> None:
        if (await self._turn()).get(op.key) is None:
            await super().set(op)


@cache("02", "T1", "a life of more than 30 days is for ever")
class MonthIsEver(MemoryCache):
    """ "never answers with an expired value". Met by a life of 90 days."""

    def _end(self, ttl: float | None) -> float | None:
        return None if ttl is None or ttl > 30 * 86400 else super()._end(ttl)


@cache("03", "T1", "a touch never shortens a life")
class OnlyProlongs(MemoryCache):
    """ "Decide the time to live of a live key anew, from now". Met by shortening one."""

    async def touch(self, op: Touch, /) -> bool:
        entry = (await self._turn()).get(op.key)
        end = self._end(op.ttl)
        if (
            entry is not None
            and end is not None
            and (entry.deadline is None or entry.deadline > end)
        ):
            return True
        return await super().touch(op)


@cache("04", "T1", "what was loaded lives for ever")
class FillsForEver(MemoryCache):
    """ "never answers with an expired value". Met by get_or_load with a ttl."""

    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(replace(op, ttl=None))


@cache("05", "T2", "who unclaims ends another's claim")
class UnclaimsAll(MemoryCache):
    """ "silent where it is another's". Met by a loader that fails late, beside a newer one."""

    async def unclaim(self, op: Unclaim, /) -> None:
        (await self._turn())._claims.pop(op.key, None)


@cache("06", "T2", "claiming again as the same owner does not prolong the claim")
class NeverProlongs(MemoryCache):
    """ "asking again as the same owner prolongs it". Met by a loader that takes long."""

    async def claim(self, op: Claim, /) -> bool:
        held = (await self._turn())._claims.get(op.key)
        return True if held is not None and held.owner == op.owner else await super().claim(op)


@cache("07", "T4", "the error of an outage quotes the request, value and all")
class QuotesRequests(MemoryCache):
    """ "Neither payloads nor secrets enter an error". Met by any outage."""

    async def set(self, op: Set, /) -> None:
        try:
            await super().set(op)
        except UnavailableError as error:
            raise UnavailableError(f"no answer to {op!r}", outcome=error.outcome) from None


@cache("08", "T2", "entries kept near a client outlive another's clear")
class NearCopies(MemoryCache):
    """ "never ... one that was deleted". Met by two processes, one of which clears."""

    def _touched(self, key: str) -> None:
        turns = self._store.rows("turns")
        turns[self._table, key] = turns.get((self._table, key), 0) + 1

    async def get(self, op: Get, /) -> Cached | None:
        near = self.__dict__.setdefault("_wrong_near", {})
        turn = self._store.rows("turns").get((self._table, op.key), 0)
        entry, then = near.get(op.key, (None, None))
        if entry is None or then != turn or (entry.deadline or self._now() + 1) <= self._now():
            entry = (await self._turn()).get(op.key)
            near[op.key] = entry, turn
        else:
            await self._turn()
        if entry is None:
            return None
        return Cached(entry.value, None if entry.deadline is None else entry.deadline - self._now())

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._touched(op.key)

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        self._touched(op.key)

    async def touch(self, op: Touch, /) -> bool:
        self._touched(op.key)
        return await super().touch(op)

    async def fill(self, op: Fill, /) -> bool:
        self._touched(op.key)
        return await super().fill(op)

    async def clear(self, op: Clear, /) -> None:
        await super().clear(op)
        self.__dict__.setdefault("_wrong_near", {}).clear()


@cache("09", "T2", "a touch reads the entry and writes it back")
class TouchRewrites(MemoryCache):
    """ "never ... one that was written over, or one that was deleted". Met by a touch beside
    a delete."""

    async def touch(self, op: Touch, /) -> bool:
        entry = (await self._turn()).get(op.key)
        if entry is None:
            return False
        await asyncio.sleep(0)
        (await self._turn()).put(op.key, Entry(entry.value, self._end(op.ttl)))
        return True


@cache("10", "T3", "a claim that has ended still fills")
class FillsLate(MemoryCache):
    """ "if it still stands". Met by a loader that takes longer than its claim."""

    async def claim(self, op: Claim, /) -> bool:
        done = await super().claim(op)
        if done:
            self._store.rows("late")[self._table, op.key] = op.owner
        return done

    async def fill(self, op: Fill, /) -> bool:
        stood = await super().fill(op)
        late = self._store.rows("late").pop((self._table, op.key), None)
        if not stood and late == op.owner:
            (await self._turn()).put(op.key, Entry(op.value, self._end(op.ttl)))
            return True
        return stood

    async def set(self, op: Set, /) -> None:
        self._store.rows("late").pop((self._table, op.key), None)
        await super().set(op)

    async def delete(self, op: Delete, /) -> None:
        self._store.rows("late").pop((self._table, op.key), None)
        await super().delete(op)

    async def clear(self, op: Clear, /) -> None:
        self._store.rows("late").clear()
        await super().clear(op)


@cache("11", "T3", "an outage is answered with what was read last")
class StaleIfError(MemoryCache):
    """ "a server that is down ... gives the right error class". Met by any outage."""

    async def get(self, op: Get, /) -> Cached | None:
        last = self.__dict__.setdefault("_wrong_last", {})
        try:
            last[op.key] = await super().get(op)
        except UnavailableError:
            if last.get(op.key) is None:
                raise
        found: Cached | None = last[op.key]
        return found


@cache("12", "T3", "a clear that does not arrive is taken for done")
class ClearsQuietly(MemoryCache):
    """ "a server that is down ... gives the right error class". Met by any outage."""

    async def clear(self, op: Clear, /) -> None:
        try:
            await super().clear(op)
        except UnavailableError:
            return


@cache("13", "T3", "lives are a tenth longer, so that not all end at once")
class Jitters(MemoryCache):
    """ "never answers with an expired value". Met by what is kept for as long as it is valid."""

    def _end(self, ttl: float | None) -> float | None:
        return super()._end(None if ttl is None else ttl * 1.1)
