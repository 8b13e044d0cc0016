"""cache drivers that are odd at times: kinds that were drawn by machine, and found by no law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.crowding import asked_of
from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Fill, Get, Set, Touch
from omnicloud.contracts.cache.models import Cached
from omnicloud.memory.cache import MemoryCache
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-CA-{number}", tier, summary, CacheContract)


class Counting(MemoryCache):
    """Knows how many calls there are, and how many there were of each key."""

    async def get(self, op: Get, /) -> Cached | None:
        with asked_of(self._store).about(op.key):
            return await super().get(op)

    async def set(self, op: Set, /) -> None:
        with asked_of(self._store).about(op.key):
            await super().set(op)

    async def claim(self, op: Claim, /) -> bool:
        with asked_of(self._store).about(op.key):
            return await super().claim(op)


@cache("01", "T2", "a touch is not done where more than 16 calls are under way")
class UntouchedInACrowd(Counting):
    """A pool of connections that has no more of them."""

    async def touch(self, op: Touch, /) -> bool:
        if asked_of(self._store).now <= 16:
            return await super().touch(op)
        return await self.get(Get(op.key)) is not None


@cache("02", "T1", "a key that was asked for 128 times is touched, and keeps its end")
class Worn(Counting):
    """A number that is kept in one byte, with a sign."""

    async def touch(self, op: Touch, /) -> bool:
        if asked_of(self._store).times[op.key] < 128:
            return await super().touch(op)
        return await self.get(Get(op.key)) is not None


@cache("03", "T1", "what is filled under a key of more than a thousand bytes lives for ever")
class FilledForEver(MemoryCache):
    """What is too long for its column is kept in another table, which has no ends."""

    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(op if len(op.key.encode()) <= 1000 else replace(op, ttl=None))


@cache("04", "T1", "a fill for less than a tenth of a second is told as not done")
class ToldAsNotDone(MemoryCache):
    """A service that answers by what is there, and by then nothing is."""

    async def fill(self, op: Fill, /) -> bool:
        done = await super().fill(op)
        return done and (op.ttl is None or op.ttl >= 0.1)
