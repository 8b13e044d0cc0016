"""The laws of kv about lives that are counted on and told, and about what is rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import Changes
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv.more import kv_of
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["LastingLaws"]

_F = KVFeature
_HOUR = 3600.0
_LIFE = 60.0
_NEAR = 2.0  # seconds that what is told of a life may be off
_POLLS = 20  # of a watcher to whom nothing happens


class LastingLaws(Contract):
    """A life stays what it was given, and what did not happen leaves nothing."""

    @law(
        "KV-154",
        "Increments at once all count, also of a key that will end, and leave its end alone.",
        needs=[_F.COUNTER, _F.TTL],
        rung=Rung.CONCURRENCY,
    )
    async def mortal_counters_count(self, world: World[Any]) -> None:
        clients = [await kv_of(world) for _ in range(3)]
        for key, ttl in (("mortal", _LIFE), ("ever", None)):
            await clients[0].set(key, b"100", ttl=ttl)
            began = world.clock.monotonic()
            if world.virtual:
                await world.sleep(_LIFE / 4)
            sums = await asyncio.gather(
                *(clients[number % 3].increment(key) for number in range(12))
            )
            equal(list(range(101, 113)), sorted(sums), f"sums of twelve increments of {key!r}")
            entry = await clients[1].get_entry(key)
            equal(b"112", entry and entry.value, f"the last sum of {key!r}")
            left = None if entry is None else entry.expires_in
            due = _LIFE - (world.clock.monotonic() - began)
            near = left is not None and abs(left - due) < _NEAR
            that(near if ttl else left is None, f"{key!r} has {left} s left after increments")

    @law(
        "KV-155",
        "What was rolled back never was: no value, version, life, number or change is left of it.",
        needs=[_F.TRANSACTION],
    )
    async def rollbacks_leave_nothing(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        features = kv.pipeline.driver.features
        keys = ("a", "b", "n", "new", "fresh")
        for key in keys[:3]:
            await kv.set(key, b"5", ttl=_LIFE if _F.TTL in features and key != "b" else None)
        before = await _seen(other, keys)
        watches = _F.WATCH in features
        cursor = (await other.pipeline.send(Changes(""))).cursor if watches else ""
        try:
            async with kv.transaction() as inside:
                await _change_all(inside, keys)
                equal(before, await _seen(other, keys), "what others see before the end")
                raise ZeroDivisionError
        except ZeroDivisionError:
            equal(before, await _seen(other, keys), "what is left of a transaction rolled back")
        if watches:
            told = await other.pipeline.send(Changes("", cursor, 0.2))
            equal((), told.changes, "changes told of a transaction rolled back")

    @law(
        "KV-156",
        "A watch is told of the end of every life, however the key came by it.",
        needs=[_F.WATCH, _F.TTL],
    )
    async def ends_of_lives_are_told(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        features = kv.pipeline.driver.features
        cursor = (await kv.pipeline.send(Changes("w/"))).cursor
        await other.set("w/set", b"1", ttl=0.5)
        await other.set("w/shorter", b"1", ttl=_HOUR)
        await other.set("w/shorter", b"1", ttl=0.5)
        expected = ["w/set", "w/shorter"]
        if _F.BATCH in features:
            await other.set_many({"w/batch": b"1"}, ttl=0.5)
            expected.append("w/batch")
        if _F.COUNTER in features:
            await other.set("w/counted", b"1", ttl=0.5)
            await other.increment("w/counted")
            expected.append("w/counted")
        if _F.TRANSACTION in features:
            async with other.transaction() as inside:
                await inside.set("w/inside", b"1", ttl=0.5)
            expected.append("w/inside")
        await world.sleep(0.7)
        last, at = dict[str, ChangeKind](), [cursor]

        async def told() -> bool:
            page = await kv.pipeline.send(Changes("w/", at[0], 0.5))
            last.update({change.key: change.kind for change in page.changes})
            at[0] = page.cursor
            return last == dict.fromkeys(expected, ChangeKind.DELETED)

        await eventually(told, world.sleep, 10.0, f"the ends of {len(expected)} lives told")

    @law(
        "KV-157",
        "A step of the wall clock changes no life, nor what is told of it.",
        needs=[_F.TTL],
        abilities=[Ability.STEP_WALL],
    )
    async def a_clock_step_changes_no_life(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        features = kv.pipeline.driver.features
        began = world.clock.monotonic()
        for key in ("set", "counted"):
            await kv.set(key, b"1", ttl=_LIFE)
        await kv.set("short", b"1", ttl=2.0)
        keys = ["set", "counted"]
        if _F.COUNTER in features:
            await kv.increment("counted", 0)
        if _F.BATCH in features:
            await kv.set_many({"batch": b"1"}, ttl=_LIFE)
            keys.append("batch")
        for step in (2 * _HOUR, -4 * _HOUR, 2 * _HOUR):
            world.step_wall(step)
            for key in keys:
                entry = await other.get_entry(key)
                left = _LIFE - (world.clock.monotonic() - began)
                told = None if entry is None else entry.expires_in
                near = told is not None and abs(told - left) < _NEAR
                that(near, f"{key!r} has {left:.0f} s left, {told} are told after a step")
        await world.sleep(2.2)
        equal(None, await other.get("short"), "a key after its end, steps between")

    @law(
        "KV-158",
        "A watch to which nothing happens for long is told of what happens then.",
        needs=[_F.WATCH],
        rung=Rung.RESILIENCE,
        patience=3600.0,
    )
    async def idle_watches_are_told(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        cursor = (await kv.pipeline.send(Changes("w/"))).cursor
        polls, wait = (_POLLS, 20.0) if world.virtual else (4, 0.5)
        for _ in range(polls):
            page = await kv.pipeline.send(Changes("w/", cursor, wait))
            equal((), page.changes, "changes where there are none")
            cursor = page.cursor
        waiting = asyncio.ensure_future(kv.pipeline.send(Changes("w/", cursor, 10.0)))
        await world.sleep(0.3)
        await other.set("w/k", b"x")
        told = (await waiting).changes
        equal(["w/k"], [change.key for change in told], "what is told after a long silence")

    @law(
        "KV-159",
        "Of writes and deletions at once under one version one is done, the others conflict.",
        needs=[_F.COMPARE_AND_SET],
        rung=Rung.CONCURRENCY,
    )
    async def one_of_all_kinds_wins(self, world: World[Any]) -> None:
        clients = [await kv_of(world) for _ in range(3)]
        for turn in range(4):
            key = f"k-{turn}"
            version = await clients[0].set(key, b"start")
            calls: list[Coroutine[Any, Any, object]] = []
            for number, kv in enumerate(clients * 2):
                calls.append(kv.delete(key, if_version=version))
                calls.append(kv.set(key, b"%d" % number, if_version=version))
            turned = calls[turn:] + calls[:turn]
            answers = await asyncio.gather(*turned, return_exceptions=True)
            done = [one for one in answers if not isinstance(one, ConflictError)]
            equal(1, len(done), f"done of {len(calls)} writes and deletions at once")
            left = await clients[1].get(key)
            that((left is None) == (done == [True]), "what is left is not of the one that was done")


async def _seen(kv: KV[bytes], keys: tuple[str, ...]) -> list[object]:
    found = [await kv.get_entry(key) for key in keys]
    return [one and (one.value, one.version, one.expires_in is None) for one in found]


async def _change_all(inside: KV[bytes], keys: tuple[str, ...]) -> None:
    """Write and delete by every verb that there is."""
    features = inside.pipeline.driver.features
    await inside.set("a", b"6")
    await inside.set("new", b"6", ttl=_LIFE if _F.TTL in features else None)
    await inside.delete("b")
    if _F.COUNTER in features:
        await inside.increment("n", 7)
        await inside.increment("fresh", 7)
    if _F.BATCH in features:
        await inside.set_many({"a": b"7", "fresh": b"7"})
        await inside.delete_many(keys[:2])
