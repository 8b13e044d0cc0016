"""The laws of kv about watches that have much to tell, or were told nothing for long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import Changes, Delete, Set
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.kv.bench import KVBench, most_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["PassingLaws"]

_F = KVFeature
_MANY, _REAL_MANY = 3000, 150
_RESTS, _REAL_RESTS = (40.0, 700.0, 8000.0, 90_000.0), (0.1,)
_AGES = 1e7  # seconds that may pass where time is virtual
_MOST_PAGES = 4000
_WAIT = 5.0  # seconds in which the next of many changes is told
_LARGE, _LARGE_BYTES = 12, 1 << 20
_SOON = 15.0  # seconds in which asking again and again tells of large values


class PassingLaws(KVBench):
    """A cursor of a watch passes over nothing."""

    @law(
        "KV-190",
        "A watch tells each of many keys that changed since it was asked last.",
        needs=[_F.WATCH],
        patience=600.0,
    )
    async def many_changes_are_told(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        cursor = (await two.pipeline.send(Changes("many-"))).cursor
        keys = [f"many-{n:04}" for n in range(_MANY if world.virtual else _REAL_MANY)]
        half = len(keys) // 2 if _F.BATCH in one.pipeline.driver.features else 0
        most = most_of(one.pipeline.driver.limits)
        for start in range(0, half, most):
            await one.set_many(dict.fromkeys(keys[start : min(start + most, half)], b"x"))
        for key in keys[half:]:
            await one.set(key, b"x")
        told: set[str] = set()
        for _ in range(_MOST_PAGES):
            page = await two.pipeline.send(Changes("many-", cursor, _WAIT))
            told |= {change.key for change in page.changes}
            cursor = page.cursor
            if not page.changes or told >= set(keys):
                break
        missed = sorted(set(keys) - told)
        that(not missed, f"of {len(keys)} keys that changed {len(missed)} are not told")

    @law(
        "KV-200",
        "A watch tells each of some keys with long values, waiting or not, and each that is gone.",
        needs=[_F.WATCH],
    )
    async def long_values_are_told(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        cursor = (await two.pipeline.send(Changes("long-"))).cursor
        value = b"%" * min(_LARGE_BYTES, one.pipeline.driver.limits.value_max_bytes)
        keys = [f"long-{n:02}" for n in range(_LARGE)]
        for key in keys:
            await one.set(key, value)
        for wait in (0.0, _WAIT):
            await _tells(world, two, (cursor, wait), dict.fromkeys(keys, ChangeKind.SET))
        gone = keys[: _LARGE // 2]
        for key in gone:
            await one.delete(key)
        last = {key: ChangeKind.DELETED if key in gone else ChangeKind.SET for key in keys}
        for wait in (0.0, _WAIT):
            await _tells(world, two, (cursor, wait), last)

    @law(
        "KV-191",
        "A watch goes on from its cursor, however long it was told nothing.",
        needs=[_F.WATCH],
        patience=_AGES,
    )
    async def watches_wait_for_their_readers(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        for seconds in _RESTS if world.virtual else _REAL_RESTS:
            for early in (True, False):
                key = f"{seconds:g}-{early}"
                page = await two.pipeline.send(Changes(key))
                for told in (early, not early):  # before the rest, or after it
                    if told:
                        await one.set(key, b"x")
                    else:
                        await world.sleep(seconds)
                page = await two.pipeline.send(Changes(key, page.cursor, _WAIT))
                found = [change.key for change in page.changes]
                equal([key], found, f"changes told after a rest of {seconds:g} s")

    @law(
        "KV-196",
        "A watch is told what its own tenant and service changed, and nothing of any other.",
        needs=[_F.WATCH],
        rung=Rung.TRUST,
    )
    async def watches_tell_of_their_own(self, world: World[Any]) -> None:
        for mine, theirs in await _pairs(world):
            cursors = {start: (await mine.send(Changes(start))).cursor for start in ("", "a")}
            for round_ in range(2):
                for pipe, key in ((theirs, f"a{round_}"), (mine, f"a-mine{round_}")):
                    await pipe.send(Set(key, b"x"))
                await theirs.send(Set("a-gone", b"x"))
                await theirs.send(Delete("a-gone"))
                for start, cursor in cursors.items():
                    page = await mine.send(Changes(start, cursor, _WAIT))
                    told = [change.key for change in page.changes]
                    equal(
                        [f"a-mine{round_}"], told, f"changes under {start!r} told beside another's"
                    )
                    cursors[start] = page.cursor


async def _tells(
    world: World[Any],
    kv: KV[bytes],
    asked: tuple[str, float],
    last: Mapping[str, ChangeKind],
) -> None:
    """Pages from a cursor on tell these keys, each at the end as it is by now."""
    cursor, wait = asked
    told: dict[str, ChangeKind] = {}

    async def whole() -> bool:
        nonlocal cursor
        page = await kv.pipeline.send(Changes("long-", cursor, wait))
        told.update((change.key, change.kind) for change in page.changes)
        cursor = page.cursor
        return told == last

    about = f"told of {len(last)} keys with long values, waiting {wait:g} s for each page"
    await eventually(whole, world.sleep, _SOON, about)


async def _pairs(world: World[Any]) -> list[tuple[Pipeline[Any], Pipeline[Any]]]:
    """Two tenants of a service, and two services of one backend where the world has them."""
    one, two = [await world.pipeline(Scoping(name)) for name in ("one", "two")]
    none = await world.pipeline(Scoping(None))
    pairs = [(one, two), (two, one), (one, none)]
    strange = getattr(world, "stranger", None)
    if strange is None:
        return pairs
    other = Pipeline(await strange(), (), service=ServiceInfo("else"), owned=False)
    return [*pairs, (await world.pipeline(), other), (other, await world.pipeline())]
