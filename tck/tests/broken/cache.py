"""cache drivers that are wrong on purpose."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.common import Verbs, field, wrong_in_common
from broken.registry import broken
from omnicloud.contracts.cache import Cache, CacheLimits
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch, Unclaim
from omnicloud.contracts.cache.models import Cached
from omnicloud.errors import InternalError, InvalidArgumentError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.world import World

wrong_in_common(
    "CA",
    CacheContract,
    MemoryCache,
    Verbs(
        "set",
        "get",
        "delete",
        field("key"),
        lambda op, how: replace(op, value=how(op.value)),
    ),
)


def cache(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, CacheContract)


class _OtherTtl(MemoryCache):
    """Writes with another time to live than it is given."""

    def life(self, ttl: float | None, old: Entry | None) -> float | None:
        return ttl

    async def set(self, op: Set, /) -> None:
        old = (await self._turn()).get(op.key)
        await super().set(replace(op, ttl=self.life(op.ttl, old)))

    def left(self, old: Entry) -> float | None:
        return None if old.deadline is None else old.deadline - self._now()


@cache("CA01", "T0", "the ttl is ignored")
class NoTtl(_OtherTtl):
    def life(self, ttl: float | None, old: Entry | None) -> float | None:
        return None


@cache("CA03", "T0", "delete does nothing")
class NoDelete(MemoryCache):
    async def delete(self, op: Delete, /) -> None:
        await self._turn()


@cache("CA05", "T1", "reading prolongs the life")
class Sliding(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        found = await super().get(op)
        if found is not None and found.expires_in is not None:
            self._shelf().prolong(op.key, self._now() + 1.0)
        return found


class _Lenient:
    """A portable class that takes a ttl that is not positive as none."""

    def __init__(self, inner: Cache[bytes]) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def set(self, key: str, value: bytes, ttl: Any = None) -> None:
        await self._inner.set(key, value, ttl if ttl is None or ttl > 0 else None)


class _LenientContract(CacheContract):
    async def portable(self, world: World[Any]) -> Any:
        return _Lenient(await super().portable(world))


broken("CA07", "T1", "a negative ttl is stored for ever", _LenientContract)(MemoryCache)


@cache("CA08", "T1", "a fraction of a second is cut to nothing, which is for ever")
class WholeSeconds(_OtherTtl):
    def life(self, ttl: float | None, old: Entry | None) -> float | None:
        return None if ttl is None or ttl < 1 else float(int(ttl))


@cache("XCA01", "T1", "a fraction of a second is rounded up")
class RoundedUp(_OtherTtl):
    def life(self, ttl: float | None, old: Entry | None) -> float | None:
        return None if ttl is None else float(-int(-ttl // 1))


@cache("XCA02", "T1", "a write without a ttl keeps the one before")
class KeepsTtl(_OtherTtl):
    def life(self, ttl: float | None, old: Entry | None) -> float | None:
        return self.left(old) if ttl is None and old is not None else ttl


@cache("XCA03", "T1", "a write never shortens a life")
class NeverShorter(_OtherTtl):
    def life(self, ttl: float | None, old: Entry | None) -> float | None:
        left = None if old is None else self.left(old)
        return ttl if ttl is None or left is None else max(ttl, left)


@cache("CA10", "T1", "the timer of an overwritten value ends the new one")
class OldTimer(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(op)
        if op.ttl is not None:
            self._store.at(self._now() + op.ttl, lambda: self._shelf().drop(op.key))


@cache("CA12", "T1", "values become text")
class Text(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        found = await super().get(op)
        if found is None:
            return None
        text: Any = found.value.decode("latin-1")
        return replace(found, value=text)


@cache("XCA04", "T1", "numbers come back as text")
class QuotedNumbers(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        found = await super().get(op)
        if found is not None and found.value.isdigit():
            return replace(found, value=b'"' + found.value + b'"')
        return found


@cache("CA14", "T1", "only 16 entries fit")
class Small(MemoryCache):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace, limits=CacheLimits(max_entries=16))

    @property
    def limits(self) -> CacheLimits:
        return CacheLimits()


@cache("CA16", "T3", "what has expired is never freed")
class NeverFrees(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(op)
        graves = self._store.rows("graves")
        graves.setdefault(len(graves), op.value)


@cache("CA19", "T2", "a reader that finds an expired value deletes what was written since")
class LateDelete(MemoryCache):
    async def set(self, op: Set, /) -> None:
        await super().set(replace(op, ttl=None))
        end = None if op.ttl is None else self._now() + op.ttl
        self._store.rows("ends")[op.key] = end

    async def get(self, op: Get, /) -> Cached | None:
        end = self._store.rows("ends").get(op.key)
        if end is None or end > self._now():
            found = await super().get(op)
            left = None if end is None else end - self._now()
            return None if found is None else replace(found, expires_in=left)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self.delete(Delete(op.key))
        return None


@cache("XCA05", "T0", "a write is dropped where the key is live")
class FirstWins(MemoryCache):
    async def set(self, op: Set, /) -> None:
        if (await self._turn()).get(op.key) is None:
            await super().set(op)


@cache("XCA06", "T2", "each client keeps copies of what it read")
class NearCopies(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        copies = self.__dict__.setdefault("copies", {})
        found = await super().get(op)
        if found is not None:
            return copies.setdefault(op.key, found)  # type: ignore[no-any-return]
        return found

    async def set(self, op: Set, /) -> None:
        self.__dict__.setdefault("copies", {}).pop(op.key, None)
        await super().set(op)


@cache("XCA07", "T3", "lives end by the wall clock")
class WallClock(MemoryCache):
    def _now(self) -> float:
        return self._store.clock.wall()


@cache("XCA08", "T1", "it says a limit that it does not keep")
class FalseLimit(MemoryCache):
    async def set(self, op: Set, /) -> None:
        if len(op.value) > 1 << 20:
            raise InternalError("too large")
        await super().set(op)


@cache("XCA09", "T1", "the time that is left is told in milliseconds")
class Milliseconds(MemoryCache):
    async def get(self, op: Get, /) -> Cached | None:
        found = await super().get(op)
        if found is None or found.expires_in is None:
            return found
        return replace(found, expires_in=found.expires_in * 1000)


@cache("XCA10", "T1", "deleting leaves the old end to the next value")
class DeleteLeavesEnd(MemoryCache):
    async def delete(self, op: Delete, /) -> None:
        entry = (await self._turn()).get(op.key)
        if entry is not None and entry.deadline is not None:
            self._store.at(entry.deadline, lambda: self._shelf().drop(op.key))
        await super().delete(op)


class _OtherTouch(MemoryCache):
    async def touch(self, op: Touch, /) -> bool:
        found = await super().get(Get(op.key))
        return await self.touched(op, found)

    async def touched(self, op: Touch, found: Cached | None) -> bool:
        return await super().touch(op)


@cache("XCA11", "T1", "touch does nothing")
class NoTouch(_OtherTouch):
    async def touched(self, op: Touch, found: Cached | None) -> bool:
        return found is not None


@cache("XCA12", "T1", "touch makes an empty entry where there is none")
class TouchMakes(_OtherTouch):
    async def touched(self, op: Touch, found: Cached | None) -> bool:
        await self.set(Set(op.key, b"" if found is None else found.value, op.ttl))
        return found is not None


@cache("XCA13", "T1", "touch answers True always")
class TouchYes(_OtherTouch):
    async def touched(self, op: Touch, found: Cached | None) -> bool:
        await super().touched(op, found)
        return True


@cache("XCA14", "T1", "touch adds to the time that is left")
class TouchAdds(_OtherTouch):
    async def touched(self, op: Touch, found: Cached | None) -> bool:
        if op.ttl is not None and found is not None and found.expires_in is not None:
            op = replace(op, ttl=op.ttl + found.expires_in)
        return await super().touched(op, found)


@cache("XCA15", "T1", "touch without a ttl changes nothing")
class TouchForEver(_OtherTouch):
    async def touched(self, op: Touch, found: Cached | None) -> bool:
        return found is not None if op.ttl is None else await super().touched(op, found)


class _OtherClear(MemoryCache):
    def covered(self, op: Clear) -> Callable[[str], bool]:
        return op.covers

    async def clear(self, op: Clear, /) -> None:
        (await self._turn()).drop_all(self.covered(op))


@cache("XCA16", "T1", "clear takes its prefix as a pattern")
class ClearGlob(_OtherClear):
    def covered(self, op: Clear) -> Callable[[str], bool]:
        return lambda key: fnmatch.fnmatchcase(key, op.prefix + "*")


@cache("XCA17", "T4", "clear outside all tenants takes theirs along")
class ClearAll(_OtherClear):
    def covered(self, op: Clear) -> Callable[[str], bool]:
        return lambda key: key.startswith(op.prefix)


@cache("XCA18", "T1", "clear deletes the first hundred keys")
class ClearSome(_OtherClear):
    def covered(self, op: Clear) -> Callable[[str], bool]:
        left = [1] * 100
        return lambda key: op.covers(key) and bool(left) and bool(left.pop())


@cache("XCA19", "T1", "clear ignores its prefix")
class ClearEverything(_OtherClear):
    def covered(self, op: Clear) -> Callable[[str], bool]:
        return lambda key: True


@cache("XCA20", "T1", "clear does nothing")
class NoClear(_OtherClear):
    def covered(self, op: Clear) -> Callable[[str], bool]:
        return lambda key: False


@cache("XCA21", "T2", "every claim is granted")
class AnyClaim(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        await super().claim(op)
        return True


@cache("XCA22", "T2", "looking and claiming are two steps")
class ClaimInTwoSteps(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        shelf = await self._turn()
        held = shelf._claims.get(op.key)
        await asyncio.sleep(0.001)
        if held is not None and held.owner != op.owner:
            return False
        if held is None:
            shelf._claims.pop(op.key, None)
        return shelf.claim(op.key, op.owner, self._now(), op.seconds)


@cache("XCA23", "T3", "a claim never ends")
class ClaimForEver(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        return await super().claim(replace(op, seconds=1e6))


@cache("XCA24", "T2", "anyone may end a claim")
class AnyoneEnds(MemoryCache):
    async def unclaim(self, op: Unclaim, /) -> None:
        (await self._turn())._claims.pop(op.key, None)


@cache("XCA25", "T2", "a fill is written without a claim")
class FillAlways(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        done = await super().fill(op)
        if not done:
            await self.set(Set(op.key, op.value, op.ttl))
        return done


class _KeepsClaim(MemoryCache):
    """Leaves a claim standing where it should be void."""

    async def kept(self, key: str, call: Any) -> None:
        held = (await self._turn())._claims.get(key)
        await call
        if held is not None:
            self._shelf()._claims[key] = held


@cache("XCA26", "T2", "a delete leaves the claim")
class DeleteKeepsClaim(_KeepsClaim):
    async def delete(self, op: Delete, /) -> None:
        await self.kept(op.key, super().delete(op))


@cache("XCA27", "T2", "a set leaves the claim")
class SetKeepsClaim(_KeepsClaim):
    async def set(self, op: Set, /) -> None:
        await self.kept(op.key, super().set(op))


@cache("XCA28", "T2", "a clear leaves claims")
class ClearKeepsClaims(MemoryCache):
    async def clear(self, op: Clear, /) -> None:
        held = dict((await self._turn())._claims)
        await super().clear(op)
        self._shelf()._claims.update(held)


@cache("XCA29", "T2", "a fill does not end its claim")
class FillKeepsClaim(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        done = await super().fill(op)
        if done:
            self._shelf().claim(op.key, op.owner, self._now(), 30.0)
        return done


@cache("XCA30", "T1", "a fill forgets its ttl")
class FillForEver(MemoryCache):
    async def fill(self, op: Fill, /) -> bool:
        return await super().fill(replace(op, ttl=None))


@cache("XCA31", "T2", "a claim cannot be given up")
class NeverGivenUp(MemoryCache):
    async def unclaim(self, op: Unclaim, /) -> None:
        await self._turn()


@cache("XCA32", "T2", "a claim is not prolonged by its owner")
class NotProlonged(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        held = (await self._turn())._claims.get(op.key)
        if held is not None:
            return held.owner == op.owner
        return await super().claim(op)


@cache("XCA33", "T4", "tenants claim one name together")
class SharedClaims(MemoryCache):
    async def claim(self, op: Claim, /) -> bool:
        if not await super().claim(op):
            return False
        bare = op.key.rpartition("/")[2]
        return (await self._turn()).claim(f"claim of {bare}", op.owner, self._now(), op.seconds)


@cache("XCA34", "T0", "any ttl is refused")
class NoTtlAtAll(MemoryCache):
    async def set(self, op: Set, /) -> None:
        if op.ttl is not None:
            raise InvalidArgumentError("no ttl here")
        await super().set(op)
