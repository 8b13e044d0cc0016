"""cache drivers written against the contract alone, for an eighth count of what the kit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Set, Touch, Unclaim
from omnicloud.contracts.cache.models import CacheLimits
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-CA-{number}", tier, summary, CacheContract)


class _ClaimsAsEntries(MemoryCache):
    """Keeps the claim of a key as an entry under another name."""

    def _name(self, key: str) -> str:
        return f"{key}:lock"

    def _claims(self, name: str) -> str:
        """The key of which an entry of that name is the claim."""
        return name.removesuffix(":lock")

    async def claim(self, op: Claim, /) -> bool:
        shelf = await self._turn()
        held = shelf.get(self._name(op.key))
        if held is not None and held.value != op.owner.encode():
            return False
        shelf.put(self._name(op.key), Entry(op.owner.encode(), self._now() + op.seconds))
        return True

    async def fill(self, op: Fill, /) -> bool:
        stood = await self._ended(op.key, op.owner)
        if stood:
            self._shelf().put(op.key, Entry(op.value, self._end(op.ttl)))
        return stood

    async def unclaim(self, op: Unclaim, /) -> None:
        await self._ended(op.key, op.owner)

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        self._shelf().drop(self._name(op.key))

    async def delete(self, op: Delete, /) -> None:
        await super().delete(op)
        self._shelf().drop(self._name(op.key))

    async def clear(self, op: Clear, /) -> None:
        (await self._turn()).drop_all(
            lambda name: op.covers(name) or op.covers(self._claims(name)),
        )

    async def _ended(self, key: str, owner: str) -> bool:
        shelf = await self._turn()
        held = shelf.get(self._name(key))
        if held is None or held.value != owner.encode():
            return False
        shelf.drop(self._name(key))
        return True


@cache("01", "T4", "the claim of a key is an entry named key:lock")
class LockAfter(_ClaimsAsEntries):
    """Names are "never colliding". Met by who keeps job:7 and job:7:lock."""


@cache("02", "T4", "the claim of a key is an entry named claim/key")
class ClaimBefore(_ClaimsAsEntries):
    """The same with the word before. Met by clear("claim"), which voids every claim."""

    def _name(self, key: str) -> str:
        return f"claim/{key}"

    def _claims(self, name: str) -> str:
        return name.removeprefix("claim/")


@cache("03", "T4", "claims are kept by the first 1,024 bytes of a name")
class CutClaims(MemoryCache):
    """A claim keeps others from loading another key. Met by keys that hold a URL."""

    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, key=op.key[:1024]))

    async def unclaim(self, op: Unclaim, /) -> None:
        await super().unclaim(replace(op, key=op.key[:1024]))


class _Crowded(MemoryCache):
    """Evicts all others once what it has counted is more than it has room for."""

    most = 1000

    @property
    def limits(self) -> CacheLimits:
        return replace(super().limits, max_entries=1000)

    def counted(self, op: Set) -> int:
        """How much a write is taken to take up for ever."""
        return 1

    async def set(self, op: Set, /) -> None:
        await super().set(op)
        rows = self._store.rows(("counted", self._table))
        rows["all"] = rows.get("all", 0) + self.counted(op)
        if rows["all"] > self.most:
            self._shelf().drop_all(lambda key: key != op.key)


@cache("04", "T3", "what is written over counts as another entry: after 1,000 writes one fits")
class CountsWrites(_Crowded):
    """There is "room for 60 small entries at least". Met within a day."""


@cache("05", "T3", "what has ended counts as an entry for ever: after 1,000 lives one fits")
class CountsTheEnded(_Crowded):
    """The same, only of entries with a time to live."""

    def counted(self, op: Set) -> int:
        return int(op.ttl is not None)


@cache("06", "T3", "the bytes of what is written over are not given back")
class KeepsBytes(_Crowded):
    """The same in bytes. Met by one large entry that is refreshed."""

    most = 256 << 20

    def counted(self, op: Set) -> int:
        return len(op.value)


@cache("07", "T1", "a touch to end within ten milliseconds is one to live for ever")
class ShortestTouch(MemoryCache):
    """ "Decide the time to live … anew". Met by who lets an entry end now."""

    async def touch(self, op: Touch, /) -> bool:
        short = op.ttl is not None and op.ttl < 0.01
        return await super().touch(replace(op, ttl=None) if short else op)


@cache("08", "T1", "what a value has over 8 MiB is lost, though 16 MiB are declared")
class LosesMebibytes(MemoryCache):
    """Values are "byte-exact … up to limits"."""

    async def set(self, op: Set, /) -> None:
        await super().set(replace(op, value=op.value[: 8 << 20]))
