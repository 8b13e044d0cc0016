"""The law of kv that every verb takes every key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.contracts.kv.driver import Changes, Scan
from omnicloud.contracts.kv.models import Page
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import KVBench, batches
from omnicloud_tck.law import law
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["NamingLaws"]

_F = KVFeature
_REAL = 6  # keys over a real backend
_LIFE = 3600.0
_LONG = 1000  # bytes of a key; of what is longer none can begin with it


class NamingLaws(KVBench):
    """What a set keeps apart, counters, conditions, walks and watches keep apart."""

    @law(
        "KV-186",
        "Any key can be counted on, written and deleted on conditions, walked to and watched.",
        patience=600.0,
    )
    async def every_verb_takes_every_key(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        features = one.pipeline.driver.features
        names = list(NAMES) if world.virtual else self.random.sample(NAMES, _REAL)
        if _F.COUNTER in features:
            await _counted(one, two, names)
        if _F.COMPARE_AND_SET in features:
            await _on_conditions(one, two, names)
        began = world.clock.monotonic()
        for number, name in enumerate(names):
            life = _LIFE + 10 * number if _F.TTL in features else None
            await one.set(name, b"%d" % number, ttl=life)
        for number, name in enumerate(names):
            entry = await two.get_entry(name)
            left = None if entry is None else entry.expires_in
            passed = world.clock.monotonic() - began
            kept = _F.TTL not in features or (
                left is not None and -5 - passed < left - _LIFE - 10 * number < 5
            )
            that(kept, f"{name[:40]!r} has {left} s left")
        if features >= {_F.BATCH, _F.TTL}:
            await _for_a_life(one, two, names)
        if _F.SCAN in features:
            for name in names:
                found = [key async for key in two.scan(name)]
                equal(sorted(one for one in names if one.startswith(name)), found, "a walk")
            await _in_pages(one, two, names)
        if _F.WATCH in features:
            await _watched(one, two, names)


async def _counted(one: KV[bytes], two: KV[bytes], names: list[str]) -> None:
    for number, name in enumerate(names):
        equal(number, await one.increment(name, number), f"the sum at {name[:40]!r}")
    for number, name in enumerate(names):
        equal(number + 1, await two.increment(name), f"the next sum at {name[:40]!r}")
        equal(b"%d" % (number + 1), await one.get(name), f"the counter {name[:40]!r}")
    for name in names:
        equal(True, await two.delete(name), f"whether {name[:40]!r} was there")


async def _on_conditions(one: KV[bytes], two: KV[bytes], names: list[str]) -> None:
    made = {name: await one.set(name, name.encode(), if_absent=True) for name in names}
    for name, version in made.items():
        made[name] = await two.set(name, name[::-1].encode(), if_version=version)
    older = {name: await one.set(name, name.encode()) for name in names}
    for name in names:
        made[name] = await two.set(name, name[::-1].encode(), if_version=older[name])
        with refused(ConflictError, f"writing {name[:40]!r} over an older version"):
            await one.set(name, b"wrong", if_version=older[name])
        with refused(ConflictError, f"deleting an older version of {name[:40]!r}"):
            await one.delete(name, if_version=older[name])
        with refused(AlreadyExistsError, f"writing {name[:40]!r}, which is there, as absent"):
            await one.set(name, b"wrong", if_absent=True)
    for name in names:
        equal(name[::-1].encode(), await one.get(name), f"{name[:40]!r}, written on a condition")
    for number, (name, version) in enumerate(made.items()):
        equal(True, await one.delete(name, if_version=version), f"whether {name[:40]!r} was there")
        left = [other for other in names[number + 1 :][:3] if await two.get(other) is None]
        equal([], left, f"keys that went with {name[:40]!r}")


async def _for_a_life(one: KV[bytes], two: KV[bytes], names: list[str]) -> None:
    """Written in batches, each key has the life of its batch."""
    limits = one.pipeline.driver.limits
    limits = replace(limits, batch_max_items=min(limits.batch_max_items, 10))
    for number, some in enumerate(batches(dict.fromkeys(names, b"x"), limits)):
        life = 3 * _LIFE + 100 * number
        await one.set_many(some, ttl=life)
        for name in some:
            entry = await two.get_entry(name)
            left = None if entry is None else entry.expires_in
            kept = left is not None and abs(left - life) < 5
            that(kept, f"{name[:40]!r}, written in a batch for {life} s, has {left} s left")


async def _in_pages(one: KV[bytes], two: KV[bytes], names: list[str]) -> None:
    """Walk to what begins with each key, in pages of two."""
    longer = [f"{name}{end}" for name in names if len(name.encode()) < _LONG for end in "12"]
    for name in longer:
        await one.set(name, b"longer")
    every = sorted({*names, *longer})
    for name in names:
        found: list[str] = []
        page = Page((), "")
        while page.cursor is not None and len(found) <= len(every):
            page = await two.pipeline.send(Scan(name, page.cursor or None, 2))
            that(len(page.keys) <= 2, f"a page of two from {name[:40]!r} has {len(page.keys)} keys")
            found += page.keys
        expected = [one for one in every if one.startswith(name)]
        equal(expected, found, f"a walk to {name[:40]!r} in pages of two")


async def _watched(one: KV[bytes], two: KV[bytes], names: list[str]) -> None:
    for name in names:
        page = await two.pipeline.send(Changes(name))
        await one.set(name, b"changed")
        page = await two.pipeline.send(Changes(name, page.cursor, 5.0))
        equal([name], [change.key for change in page.changes], "what a watch of one key is told")
