"""The laws of caches about changes while an entry is touched or filled, and stepped clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import product
from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Claim, Fill, Get
from omnicloud.core.codec import BYTES
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["ChangeLaws"]

_F = CacheFeature
_HOUR = 3600.0
_LIFE = 60.0
_NEAR = 2.0  # seconds that what is told of a life may be off
_SWEEP = 12  # turns of the loop after which the change comes


class ChangeLaws(Contract):
    """An entry is what was written last, and ends when it was told to."""

    @law(
        "CA-131",
        "A change that is made while its entry is touched or filled is what is there after both.",
        rung=Rung.CONCURRENCY,
    )
    async def changes_are_not_undone(self, world: World[Any]) -> None:
        one, two = Cache(await world.pipeline(), BYTES), Cache(await world.pipeline(), BYTES)
        features = one.pipeline.driver.features
        ways = [way for way, needed in _WAYS.items() if needed in features]
        changes = ["set", "delete", *(["clear"] if _F.CLEAR in features else [])]
        for turns, way, change in product(range(_SWEEP), ways, changes):
            key = f"{way}-{change}-{turns}."
            call = await _begun(one, way, key)
            for _ in range(turns):
                await asyncio.sleep(0)
            await _changed(two, change, key)
            await call
            expected = b"new" if change == "set" else None
            about = f"after a {change} {turns} turns into a {way}"
            for cache in (one, two):
                equal(expected, await cache.get(key), about)

    @law(
        "CA-132",
        "A step of the wall clock ends, prolongs and tells otherwise no life and no claim.",
        abilities=[Ability.STEP_WALL],
    )
    async def a_clock_step_changes_no_end(self, world: World[Any]) -> None:
        one, two = Cache(await world.pipeline(), BYTES), Cache(await world.pipeline(), BYTES)
        began = world.clock.monotonic()
        keys = await _with_lives(one, {"long": _LIFE, "short": 2.0})
        claims = _F.CROSS_PROCESS_FLIGHT in one.pipeline.driver.features
        if claims:
            for key, seconds in (("long", _LIFE), ("short", 2.0)):
                await one.pipeline.send(Claim(f"{key} claim", "me", seconds))
        for step in (2 * _HOUR, -4 * _HOUR, 2 * _HOUR):
            world.step_wall(step)
            for key in keys:
                entry = await two.pipeline.send(Get(f"long {key}"))
                left = _LIFE - (world.clock.monotonic() - began)
                told = None if entry is None else entry.expires_in
                near = told is not None and abs(told - left) < _NEAR
                that(near, f"{key!r} has {left:.0f} s left, {told} are told after a step")
            if claims:
                again = await two.pipeline.send(Claim("long claim", "you", 1.0))
                equal(False, again, "another's claim, after a step")
        await world.sleep(2.2)
        for key in keys:
            equal(None, await two.get(f"short {key}"), f"{key!r} after its end, steps between")
        if claims:
            late = await two.pipeline.send(Claim("short claim", "you", 1.0))
            equal(True, late, "a claim after the end of another's, steps between")


_WAYS: dict[str, _F] = {"touch": _F.TOUCH, "fill": _F.CROSS_PROCESS_FLIGHT}


async def _begun(cache: Cache[bytes], way: str, key: str) -> Awaitable[object]:
    """A touch or a fill that is under way."""
    if way == "touch":
        await cache.set(key, b"old", _LIFE)
        return asyncio.ensure_future(cache.touch(key, 2 * _LIFE))
    claimed = await cache.pipeline.send(Claim(key, "me", _LIFE))
    equal(True, claimed, "a claim")
    return asyncio.ensure_future(cache.pipeline.send(Fill(key, "me", b"stale", _LIFE)))


async def _changed(cache: Cache[bytes], change: str, key: str) -> None:
    if change == "set":
        await cache.set(key, b"new", _LIFE)
    elif change == "delete":
        await cache.delete(key)
    else:
        await cache.clear(key)


async def _with_lives(cache: Cache[bytes], lives: dict[str, float]) -> list[str]:
    """Entries that came by these lives in every way that there is; the names of the ways."""
    features = cache.pipeline.driver.features
    keys = ["set"]
    for name, seconds in lives.items():
        await cache.set(f"{name} set", b"x", seconds)
        if _F.TOUCH in features:
            await cache.set(f"{name} touched", b"x")
            await cache.touch(f"{name} touched", seconds)
        if _F.CROSS_PROCESS_FLIGHT in features:
            await cache.pipeline.send(Claim(f"{name} filled", "me", _LIFE))
            await cache.pipeline.send(Fill(f"{name} filled", "me", b"x", seconds))
    keys += ["touched"] if _F.TOUCH in features else []
    return keys + (["filled"] if _F.CROSS_PROCESS_FLIGHT in features else [])
