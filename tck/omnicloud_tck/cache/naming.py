"""The laws of cache that every verb takes every key, and that each fill decides a life anew."""

from __future__ import annotations

import itertools
from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Claim, Fill, Get, Unclaim
from omnicloud.core.codec import BYTES
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.samples import NAMES, TYPED_ALIKE
from omnicloud_tck.world import World

__all__ = ["NamingLaws"]

_F = CacheFeature
_SLACK = 0.15  # seconds that a time to live may be off, either way
_LIVES = (None, 0.5, 60.0)
_LIFE = 3600.0
_LOADING = 20.0  # seconds that a loader takes
_REAL = 12  # keys over a real backend


class NamingLaws(Contract):
    """What a set keeps apart and decides, so do claims, fills and clears."""

    async def _cache(self, world: World[Any]) -> Cache[bytes]:
        return Cache(await world.pipeline(), BYTES)

    @law(
        "CA-152",
        "Each fill decides the time to live anew, whatever the key had before.",
        needs=[_F.CROSS_PROCESS_FLIGHT],
    )
    async def fills_decide_anew(self, world: World[Any]) -> None:
        one, two = await self._cache(world), await self._cache(world)
        pairs = list(itertools.product(_LIVES, _LIVES))
        for number, (before, after) in enumerate(pairs):
            key = f"k{number}"
            await one.set(key, b"old", before)
            claimed = await _did(two, Claim(key, "me", 30.0))
            filled = await _did(two, Fill(key, "me", b"new", after))
            equal((True, True), (claimed, filled), "claiming and filling what is there")
            entry = await one.pipeline.send(Get(key))
            left = None if entry is None else entry.expires_in
            that(entry is not None, f"what was filled over {before} s for {after} s is not there")
            that(_near(left, after), f"filled over {before} s for {after} s, {left} s are left")
        await self._long_after_the_claim(world, one, two)
        await world.sleep(0.5 + _SLACK)
        for number, (before, after) in enumerate(pairs):
            expected = None if after == 0.5 else b"new"
            found = await two.get(f"k{number}")
            equal(expected, found, f"filled over {before} s for {after} s, after half a second")

    async def _long_after_the_claim(
        self, world: World[Any], one: Cache[bytes], two: Cache[bytes]
    ) -> None:
        keys = {f"late-{life}": life for life in (None, 7.0, 60.0)}
        for key in keys:
            equal(True, await _did(one, Claim(key, "me", 30.0)), "a claim")
        await world.sleep(_LOADING if world.virtual else 0.0)
        for key, life in keys.items():
            equal(True, await _did(one, Fill(key, "me", b"x", life)), "a fill")
            entry = await two.pipeline.send(Get(key))
            left = -1.0 if entry is None else entry.expires_in
            that(_near(left, life), f"filled for {life} s long after the claim, {left} s are left")

    @law(
        "CA-153",
        "Any key can be claimed, filled, given up, deleted and cleared, each for itself.",
        needs=[_F.CROSS_PROCESS_FLIGHT],
        patience=600.0,
    )
    async def every_verb_takes_every_key(self, world: World[Any]) -> None:
        one, two = await self._cache(world), await self._cache(world)
        every = list(dict.fromkeys((*NAMES, *TYPED_ALIKE)))
        room = one.pipeline.driver.limits.max_entries or len(every)
        names = every[:room] if world.virtual else self.random.sample(every, min(_REAL, room))
        for number, name in enumerate(names):
            won = await _did(one, Claim(name, f"me-{number}", 300.0))
            equal(True, won, f"claiming {name[:40]!r}, others claimed")
        for name in names:
            won = await _did(two, Claim(name, "you", 300.0))
            equal(False, won, f"another's claim of {name[:40]!r}")
        began = world.clock.monotonic()
        for number, name in enumerate(names):
            op = Fill(name, f"me-{number}", b"%d" % number, _LIFE + 10 * number)
            if number % 3:
                equal(True, await _did(one, op), f"filling {name[:40]!r}")
            else:
                await one.pipeline.send(Unclaim(name, f"me-{number}"))
                equal(False, await _did(one, op), f"filling {name[:40]!r}, given up")
        for number, name in enumerate(names):
            expected = b"%d" % number if number % 3 else None
            equal(expected, await two.get(name), f"the value of {name[:40]!r}")
            if expected is not None:
                passed = world.clock.monotonic() - began
                await _has_its_life(one, two, name, _LIFE + 10 * number, passed)
        await _given_up(one, two, names)
        await _deleted(one, two, names)
        if _F.CLEAR in one.pipeline.driver.features:
            await _cleared(one, two, dict.fromkeys(names, b"x"))


async def _did(cache: Cache[bytes], op: Claim | Fill) -> bool:
    done: bool = await cache.pipeline.send(op)
    return done


def _near(left: float | None, life: float | None) -> bool:
    """Whether what is left is of a life that was given just now."""
    if left is None or life is None:
        return left is life
    return abs(left - life) < 1.0


async def _has_its_life(
    one: Cache[bytes], two: Cache[bytes], name: str, life: float, passed: float
) -> None:
    """As it was filled, so many seconds ago at most, and as it is written."""
    for seconds in (life, 3 * life):
        entry = await two.pipeline.send(Get(name))
        left = -1.0 if entry is None else entry.expires_in
        kept = left is not None and -5 - passed < left - seconds < 5
        that(kept, f"{name[:40]!r} has {left} s left of {seconds}")
        passed = 0.0
        await one.set(name, b"x", 3 * life)


async def _given_up(one: Cache[bytes], two: Cache[bytes], names: list[str]) -> None:
    """Each claim is given up while all others stand."""
    for name in names:
        equal(True, await _did(one, Claim(name, "mine", 300.0)), f"claiming {name[:40]!r} again")
    for name in names:
        await one.pipeline.send(Unclaim(name, "mine"))
        equal(True, await _did(two, Claim(name, "yours", 300.0)), f"{name[:40]!r}, given up")
    for name in names:
        equal(False, await _did(one, Claim(name, "mine", 300.0)), f"another's {name[:40]!r}")
        await two.pipeline.send(Unclaim(name, "yours"))


async def _deleted(one: Cache[bytes], two: Cache[bytes], names: list[str]) -> None:
    """Each is deleted while all others are there; its neighbours in the list are looked at."""
    for name in names:
        await one.set(name, name.encode())
    for number, name in enumerate(names):
        await one.delete(name)
        equal(None, await two.get(name), f"{name[:40]!r}, deleted")
        for other in names[number + 1 :][:3]:
            equal(other.encode(), await two.get(other), f"{other[:40]!r}, others deleted")


async def _cleared(one: Cache[bytes], two: Cache[bytes], items: dict[str, bytes]) -> None:
    for name, value in items.items():
        await one.set(name, value)
    gone: set[str] = set()
    for prefix in list(items)[::3]:
        await two.clear(prefix)
        gone |= {name for name in items if name.startswith(prefix)}
        for name, value in items.items():
            expected = None if name in gone else value
            equal(expected, await one.get(name), f"{name[:40]!r} after clear({prefix[:40]!r})")
