"""The laws of caches about lives, claims and clearing beyond the usual cases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Claim, Fill, Get
from omnicloud.core.codec import BYTES
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, law
from omnicloud_tck.samples import NAMES, PAYLOADS
from omnicloud_tck.telling import refusal
from omnicloud_tck.world import World

__all__ = ["CacheMore"]

_TOUCH = [CacheFeature.TOUCH]
_FLIGHT = [CacheFeature.CROSS_PROCESS_FLIGHT]
_DAY = 86400.0
_AT_ONCE = 20
_SLACK = 0.15  # seconds that a time to live may be off, either way
_SHORTEST = (0.001, 0.0014, 0.004, 0.0099, 0.01)


async def _cache_of(world: World[Any]) -> Cache[bytes]:
    return Cache(await world.pipeline(), BYTES)


def _some_at_once(cache: Cache[bytes]) -> Iterator[list[bytes]]:
    """The payloads that the cache can keep, a few at a time: what it holds may be bounded."""
    limit = cache.pipeline.driver.limits.value_max_bytes
    values = [payload for payload in PAYLOADS if len(payload) <= limit]
    for first in range(0, len(values), _AT_ONCE):
        yield values[first : first + _AT_ONCE]


async def _left(cache: Cache[bytes], key: str) -> float | None:
    """The seconds that an entry has left; the law is broken where there is no entry."""
    entry = await cache.pipeline.send(Get(key))
    that(entry is not None, f"there is no {key[:40]!r}")
    return None if entry is None else entry.expires_in


class CacheMore(Contract):
    """What is promised beyond the usual cases."""

    @law("CA-120", "A long time to live is kept: months and years do not wrap round.")
    async def long_lives_are_kept(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        for days in (20, 25, 31, 50, 400, 3600):
            await cache.set("k", b"x", days * _DAY)
            self._is_near(await _left(cache, "k"), days, "written")
            if CacheFeature.TOUCH in cache.pipeline.driver.features:
                await cache.set("k", b"x", 60)
                equal(True, await cache.touch("k", days * _DAY), "touching")
                self._is_near(await _left(cache, "k"), days, "touched")

    def _is_near(self, left: float | None, days: int, how: str) -> None:
        near = left is not None and abs(left - days * _DAY) < 60
        that(near, f"of a life of {days} days, {how}, {left} s are left at once")

    @law("CA-121", "How long an entry lives does not depend on its value.")
    async def every_value_lives_alike(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        for values in _some_at_once(cache):
            for number, value in enumerate(values):
                await cache.set(f"ever-{number}", value)
                await cache.set(f"long-{number}", value, 60)
                await cache.set(f"short-{number}", value, 0.5)
            await world.sleep(1.5)
            for number, value in enumerate(values):
                equal(value, await cache.get(f"ever-{number}"), f"value {number}, without an end")
                equal(value, await cache.get(f"long-{number}"), f"value {number}, of 60 s")
                equal(None, await cache.get(f"short-{number}"), f"value {number}, of 0.5 s")
                equal(None, await _left(cache, f"ever-{number}"), "the end of one that has none")

    @law("CA-122", "What is filled lives as its fill says, not as the claim did.", needs=_FLIGHT)
    async def fills_decide_the_life(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        for key, ttl in (("ever", None), ("long", 60.0), ("short", 0.3)):
            claimed = await cache.pipeline.send(Claim(key, "me", 1.0))
            equal(True, claimed, "a claim")
            filled = await cache.pipeline.send(Fill(key, "me", b"x", ttl))
            equal(True, filled, "filling what was claimed")
        equal(None, await _left(cache, "ever"), "the end of what was filled without one")
        left = await _left(cache, "long")
        that(left is not None and 55 < left <= 60, f"of a fill of 60 s {left} s are left")
        await world.sleep(1.0 + _SLACK)
        equal(b"x", await cache.get("ever"), "filled without an end, after that of the claim")
        equal(b"x", await cache.get("long"), "filled for 60 s, after the end of the claim")
        equal(None, await cache.get("short"), "filled for 0.3 s, after its end")

    @law("CA-123", "touch is for one name, whatever others look like it.", needs=_TOUCH)
    async def touching_is_for_one_name(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        for name in NAMES:
            await cache.set(name, b"x", 10_000)
        for number, name in enumerate(NAMES):
            equal(True, await cache.touch(name, 20_000 + 1000 * number), f"touching {name[:40]!r}")
        for number, name in enumerate(NAMES):
            left = await _left(cache, name)
            near = left is not None and abs(left - 20_000 - 1000 * number) < 500
            that(near, f"{name[:40]!r} has {left} s left, after others were touched")

    @law("CA-124", "The end that touch gave is not that of what is written later.", needs=_TOUCH)
    async def touched_ends_do_not_linger(self, world: World[Any]) -> None:
        one, two = await _cache_of(world), await _cache_of(world)
        keys, soon = ("written", "touched", "deleted"), 5.0 if world.virtual else 0.4
        for key in keys:
            await one.set(key, b"old", 60)
            equal(True, await two.touch(key, soon), "touching")
        await one.set("written", b"new")
        equal(True, await one.touch("touched", 60), "touching again")
        await one.set("touched", b"new", 60)
        await one.delete("deleted")
        await two.set("deleted", b"new", 60)
        await world.sleep(soon + _SLACK)
        for key in keys:
            equal(b"new", await two.get(key), f"{key!r}, after the end that touch had given")

    @law("CA-125", "clear takes all of its prefix, thousands too.", needs=[CacheFeature.CLEAR])
    async def clearing_takes_thousands(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        count = min(2500, (cache.pipeline.driver.limits.max_entries or 2500) // 2)
        await cache.set("kept", b"x")
        for start in range(0, count, 50):
            numbers = range(start, min(start + 50, count))
            await asyncio.gather(*(cache.set(f"many-{number}", b"x") for number in numbers))
        await cache.clear("many-")
        for start in range(0, count, 50):
            numbers = range(start, min(start + 50, count))
            found = await asyncio.gather(*(cache.get(f"many-{number}") for number in numbers))
            equal({None}, set(found), f"keys {start} to {start + 49} of {count} that were cleared")
        equal(b"x", await cache.get("kept"), "a key of another prefix")

    @law("CA-126", "touch decides alike, whatever the value is.", needs=_TOUCH)
    async def touching_is_for_every_value(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        life = 0.5 if world.virtual else 2.0  # for two calls, on a busy machine too
        for values in _some_at_once(cache):
            for number, value in enumerate(values):
                for name, first, second in (("longer", life, 60.0), ("shorter", 60.0, life)):
                    await cache.set(f"{name}-{number}", value, first)
                    equal(True, await cache.touch(f"{name}-{number}", second), f"touch {number}")
            await world.sleep(life + _SLACK)
            for number, value in enumerate(values):
                equal(value, await cache.get(f"longer-{number}"), f"value {number}, to live on")
                equal(None, await cache.get(f"shorter-{number}"), f"value {number}, to end")

    @law(
        "CA-127",
        "A life ends on time, an outage between or not.",
        abilities=[Ability.OUTAGE],
    )
    async def lives_end_through_an_outage(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        await cache.set("short", b"x", 2.0)
        async with world.outage():
            await refusal(cache.get("short"), "a read in an outage")
        await world.sleep(2.2)
        equal(None, await cache.get("short"), "an entry after its end, an outage between")

    @law("CA-128", "An end dies with its entry, however the entry was removed.")
    async def old_ends_are_forgotten(self, world: World[Any]) -> None:
        cache = await _cache_of(world)
        ways: dict[str, Callable[[str], Awaitable[object]]] = {
            "deleted": cache.delete,
            "written over": lambda name: cache.set(name, b"between"),
        }
        if CacheFeature.CLEAR in cache.pipeline.driver.features:
            ways["cleared"] = cache.clear
        for name, way in ways.items():
            await cache.set(name, b"old", 0.6)
            await way(name)
            await cache.set(name, b"new", 60.0)
        await world.sleep(0.6 + _SLACK)
        for name in ways:
            equal(b"new", await cache.get(name), f"written after the old one was {name}")

    @law("CA-147", "A life of a millisecond is one, and so is a claim's: they end.")
    async def short_lives_end(self, world: World[Any]) -> None:
        one, two = await _cache_of(world), await _cache_of(world)
        features, keys = one.pipeline.driver.features, ["set"]
        keys += ["touched"] if CacheFeature.TOUCH in features else []
        claims = CacheFeature.CROSS_PROCESS_FLIGHT in features
        for ttl in _SHORTEST:
            await one.set(f"set {ttl}", b"x", ttl)
            if "touched" in keys:
                await one.set(f"touched {ttl}", b"x")
                there = await one.touch(f"touched {ttl}", ttl)
                equal(True, there, f"whether there was what was touched for {ttl} s")
            if claims:
                await one.pipeline.send(Claim(f"filled {ttl}", "me", _DAY))
                filled = await one.pipeline.send(Fill(f"filled {ttl}", "me", b"x", ttl))
                claimed = await one.pipeline.send(Claim(f"claimed {ttl}", "me", ttl))
                equal((True, True), (filled, claimed), f"a fill and a claim for {ttl} s")
        await world.sleep(2 * _SLACK)
        for ttl in _SHORTEST:
            for key in (*keys, *(["filled"] if claims else [])):
                equal(None, await two.get(f"{key} {ttl}"), f"{key!r}, to live for {ttl} s")
            if claims:
                won = await two.pipeline.send(Claim(f"claimed {ttl}", "you", 1.0))
                equal(True, won, f"claiming what was claimed for {ttl} s")
