"""The laws of the kv contract."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import Scan
from omnicloud.core.codec import BYTES
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
)
from omnicloud_tck.check import collect, equal, eventually, refused, that
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.silence import Silences
from omnicloud_tck.general.steady import Steady
from omnicloud_tck.kv.apart import KVApart
from omnicloud_tck.kv.histories import KVHistories
from omnicloud_tck.kv.lasting import LastingLaws
from omnicloud_tck.kv.lookers import LookerLaws
from omnicloud_tck.kv.model import KVModel, kv_steps
from omnicloud_tck.kv.more import KVMore
from omnicloud_tck.kv.ways import WaysLaws
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.samples import PAYLOADS
from omnicloud_tck.world import World

__all__ = ["KVContract"]

_TTL = [KVFeature.TTL]
_CAS = [KVFeature.COMPARE_AND_SET]
_BATCH = [KVFeature.BATCH]
_SCAN = [KVFeature.SCAN]
_SLACK = 0.15  # seconds that a time to live may be off, either way


class KVContract(KVApart, KVMore, WaysLaws, LastingLaws, LookerLaws, KVHistories, Silences, Steady):
    """Every promise of ``KV``."""

    contract = "kv"

    async def portable(self, world: World[Any]) -> KV[bytes]:
        return KV(await world.pipeline(), BYTES)

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        await KV(pipeline, BYTES).set(name, payload)

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        return await KV(pipeline, BYTES).get(name)

    async def remove(self, pipeline: Pipe, name: str) -> None:
        await KV(pipeline, BYTES).delete(name)

    def payloads(self, pipeline: Pipe) -> tuple[bytes, ...]:
        limit = pipeline.driver.limits.value_max_bytes
        return tuple(payload for payload in PAYLOADS if len(payload) <= limit)

    async def names(self, pipeline: Pipe) -> set[str] | None:
        if KVFeature.SCAN not in pipeline.driver.features:
            return None
        return {key async for key in KV(pipeline, BYTES).scan()}

    # Values

    @law(
        "KV-001", "The last value set is the value got, whatever was there before.", rung=Rung.SHAPE
    )
    async def the_last_value_is_got(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for value in (b"first", b"second", b"", b"second", b"longer than second", b"s"):
            await kv.set("k", value)
            equal(value, await kv.get("k"), "value")
        entry = await kv.get_entry("k")
        that(entry is not None and entry.value == b"s", "get_entry has another value than get")

    @law(
        "KV-002",
        "A key that was never set, or was deleted, is None; delete says whether it was live.",
        rung=Rung.SHAPE,
    )
    async def absence_is_an_answer(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        equal(None, await kv.get("k"), "a key never set")
        equal(None, await kv.get_entry("k"), "the entry of a key never set")
        equal(False, await kv.delete("k"), "delete of a key never set")
        await kv.set("k", b"")
        equal(True, await kv.delete("k"), "delete of a live key")
        equal(None, await kv.get("k"), "a deleted key")
        equal(False, await kv.delete("k"), "delete of a deleted key")
        await kv.set("k", b"again")
        equal(b"again", await kv.get("k"), "a key set again")

    @law("KV-003", "Nothing is evicted: a thousand keys are all there, each with its own value.")
    async def nothing_is_evicted(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for number in range(1000):
            await kv.set(f"many-{number}", b"value %d" % number)
        for number in range(1000):
            equal(b"value %d" % number, await kv.get(f"many-{number}"), f"key {number} of 1000")

    @law(
        "KV-004",
        "A value of value_max_bytes is kept, one byte more is refused and nothing written.",
        rung=Rung.SHAPE,
    )
    async def the_value_limit_is_true(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        size = min(kv.pipeline.driver.limits.value_max_bytes, 8 << 20)
        value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        await kv.set("k", value)
        that(await kv.get("k") == value, f"a value of {size} bytes came back changed")
        if size == kv.pipeline.driver.limits.value_max_bytes:
            with refused(InvalidArgumentError, "a value over the limit"):
                await kv.set("k", value + b"x")
            that(await kv.get("k") == value, "a refused write changed the value")

    @law("KV-005", "Every acknowledged write is applied, also many in a row.", rung=Rung.RESILIENCE)
    async def no_write_is_dropped(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for number in range(150):
            await kv.set("counted", b"%d" % number)
            equal(b"%d" % number, await kv.get("counted"), f"write {number} of 150")

    @law(
        "KV-006", "A deleted key stays deleted, a written one stays written.", rung=Rung.RESILIENCE
    )
    async def the_dead_stay_dead(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for number in range(5):
            await one.set(f"dead-{number}", b"x")
            await one.set(f"live-{number}", b"x")
            await one.delete(f"dead-{number}")
        for _ in range(6):
            await world.sleep(0.2)
            for number in range(5):
                equal(None, await two.get(f"dead-{number}"), "a deleted key, later")
                equal(b"x", await two.get(f"live-{number}"), "a written key, later")

    @law(
        "KV-007",
        "Reads never go back: once a value was read, an older one is not.",
        rung=Rung.CONCURRENCY,
    )
    async def reads_do_not_go_back(self, world: World[Any]) -> None:
        writer, reader = await self.portable(world), await self.portable(world)
        await writer.set("k", b"0")
        last = 0

        async def write() -> None:
            for number in range(1, 60):
                await writer.set("k", b"%d" % number)

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            now = int(await reader.get("k") or b"-1")
            that(now >= last, f"read {now} after {last}")
            last = now
        await writing
        for _ in range(30):
            equal(b"59", await reader.get("k"), "the last value, read again and again")

    @law(
        "KV-008",
        "A set whose answer was awaited is not undone by an older one, nor by one that was "
        "cancelled, over a network a second before.",
        rung=Rung.CONCURRENCY,
    )
    async def an_older_write_does_not_return(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        keys = [f"k{turns}" for turns in range(12)]
        sweeps = [keys] if world.on_its_way else [[key] for key in keys]
        for sweep in sweeps:
            for key in sweep:
                task = asyncio.ensure_future(one.set(key, b"older"))
                for _ in range(int(key[1:])):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await world.sleep(world.on_its_way)
            for key in sweep:
                await two.set(key, b"newer")
            await world.sleep(0.05)
            for key in sweep:
                equal(b"newer", await one.get(key), "after a newer write")

    # Versions

    @law("KV-010", "Every write gives another version, also of an equal value.")
    async def every_write_has_its_version(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        seen: set[str] = set()
        for value in (b"a", b"a", b"b", b"a", b""):
            version = await kv.set("k", value)
            entry = await kv.get_entry("k")
            that(entry is not None and entry.version == version, "set and get_entry differ")
            that(isinstance(version, str) and version, "a version is text that is not empty")
            that(version not in seen, "a version came twice")
            seen.add(version)

    @law("KV-011", "A version is not given again after the key was deleted.")
    async def versions_are_not_reused(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        seen: set[str] = set()
        for _ in range(6):
            for _ in range(3):
                version = await kv.set("k", b"same")
                that(version not in seen, "a version came again after a delete")
                seen.add(version)
            await kv.delete("k")

    @law(
        "KV-012",
        "if_version writes over that version and no other, and a refused write changes nothing.",
        needs=_CAS,
    )
    async def a_stale_version_conflicts(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        first = await kv.set("k", b"A")
        second = await kv.set("k", b"B", if_version=first)
        third = await kv.set("k", b"A", if_version=second)
        for stale in (first, second, "0", "no such version"):
            with refused(ConflictError, "a write over a stale version"):
                await kv.set("k", b"lost", if_version=stale)
            with refused(ConflictError, "a delete of a stale version"):
                await kv.delete("k", if_version=stale)
        entry = await kv.get_entry("k")
        that(entry is not None and (entry.value, entry.version) == (b"A", third), "it was changed")
        equal(True, await kv.delete("k", if_version=third), "delete of the current version")
        for stale in (first, third):
            with refused(ConflictError, "a write over a version of a deleted key"):
                await kv.set("k", b"risen", if_version=stale)
            with refused(ConflictError, "a delete of a version of a deleted key"):
                await kv.delete("k", if_version=stale)
        equal(None, await kv.get("k"), "after the refused writes")
        await kv.set("k", b"A")
        with refused(ConflictError, "a version from before the delete"):
            await kv.set("k", b"lost", if_version=third)

    @law("KV-013", "if_absent writes only where no live key is.", needs=_CAS)
    async def if_absent_does_not_overwrite(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for value in (b"first", b""):
            await kv.set("k", value, if_absent=True)
            for other in (b"second", value):
                with refused(AlreadyExistsError, "if_absent over a live key"):
                    await kv.set("k", other, if_absent=True)
            equal(value, await kv.get("k"), "after the refused write")
            await kv.delete("k")
        with refused(InvalidArgumentError, "an empty version"):
            await kv.set("k", b"x", if_version="")
        equal(None, await kv.get("k"), "after the refused write")

    @law(
        "KV-014",
        "Of concurrent writes and deletions over one version, or of creations, one wins.",
        needs=_CAS,
        rung=Rung.CONCURRENCY,
    )
    async def one_of_many_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(4)]
        for turn in range(4):
            await self._one_wins(clients, f"create-{turn}", None)
            version = await clients[0].set(f"over-{turn}", b"start")
            deletes = range(turn, 16, 4) if turn % 2 == 0 else range(0)
            await self._one_wins(clients, f"over-{turn}", version, deletes)

    async def _one_wins(
        self, clients: list[KV[bytes]], key: str, version: str | None, deletes: range = range(0)
    ) -> None:
        async def attempt(number: int) -> int | None:
            kv = clients[number % len(clients)]
            try:
                if number in deletes:
                    await kv.delete(key, if_version=version)
                    return number
                await kv.set(key, b"%d" % number, if_version=version, if_absent=version is None)
            except ConflictError:
                return None
            return number

        winners = [n for n in await asyncio.gather(*map(attempt, range(16))) if n is not None]
        equal(1, len(winners), f"winners of 16 concurrent conditional writes of {key}")
        left = None if winners[0] in deletes else b"%d" % winners[0]
        equal(left, await clients[0].get(key), "the winner's value")

    @law(
        "KV-015",
        "Concurrent read-modify-write by compare and set loses no update.",
        needs=_CAS,
        rung=Rung.CONCURRENCY,
    )
    async def no_update_is_lost(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        await clients[0].set("sum", b"0")

        async def add(kv: KV[bytes]) -> None:
            for _ in range(8):
                await self._add_one(kv)

        async with asyncio.TaskGroup() as group:
            for kv in clients * 2:
                group.create_task(add(kv))
        equal(b"48", await clients[0].get("sum"), "48 additions of one")

    async def _add_one(self, kv: KV[bytes]) -> None:
        for _ in range(1000):
            entry = await kv.get_entry("sum")
            that(entry is not None, "a live key was read as absent")
            if entry is None:
                return
            try:
                await kv.set("sum", b"%d" % (int(entry.value) + 1), if_version=entry.version)
            except ConflictError:
                continue
            return
        that(False, "compare and set did not succeed in 1000 attempts")

    # Time to live

    @law(
        "KV-020",
        "A key with a time to live is there before it ends and gone after, to a tenth of a second.",
        needs=_TTL,
    )
    async def a_ttl_ends_on_time(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        for name, ttl in (("short", 0.5), ("long", 2.0), ("odd", 1.3)):
            await one.set(name, b"x", ttl=ttl)
        start = world.clock.monotonic()
        for name, ttl in (("short", 0.5), ("odd", 1.3), ("long", 2.0)):
            await self._until(world, start + ttl - _SLACK)
            equal(b"x", await two.get(name), f"{name}, shortly before its {ttl} s end")
            await self._until(world, start + ttl + _SLACK)
            equal(None, await two.get(name), f"{name}, shortly after its {ttl} s end")
            equal(None, await two.get_entry(name), f"the entry of {name} after its end")
            equal(False, await one.delete(name), f"delete of {name} after its end")

    async def _until(self, world: World[Any], moment: float) -> None:
        await world.sleep(max(0.0, moment - world.clock.monotonic()))

    @law(
        "KV-021",
        "A write decides the time to live anew: none means for ever, whatever was before.",
        needs=_TTL,
    )
    async def a_write_decides_the_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("kept", b"x", ttl=0.4)
        await kv.set("kept", b"y")
        await kv.set("longer", b"x", ttl=0.4)
        await kv.set("longer", b"y", ttl=60)
        await kv.set("shorter", b"x", ttl=60)
        await kv.set("shorter", b"y", ttl=0.4)
        await kv.set("later", b"x")
        await kv.set("later", b"y", ttl=0.4)
        entry = await kv.get_entry("kept")
        that(entry is not None and entry.expires_in is None, "a key without ttl has an expiry")
        await world.sleep(0.4 + _SLACK)
        equal(b"y", await kv.get("kept"), "written again without ttl")
        equal(b"y", await kv.get("longer"), "written again with a longer ttl")
        equal(None, await kv.get("shorter"), "written again with a shorter ttl")
        equal(None, await kv.get("later"), "written again with a ttl")

    @law(
        "KV-022",
        "A conditional write honours its ttl, and its absence, as any other.",
        needs=_TTL + _CAS,
    )
    async def a_conditional_write_honours_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        version = await kv.set("k", b"x", ttl=60, if_absent=True)
        await kv.set("k", b"y", ttl=0.4, if_version=version)
        version = await kv.set("ever", b"x", ttl=0.4)
        await kv.set("ever", b"y", if_version=version)
        await kv.set("born", b"x", ttl=0.4, if_absent=True)
        await world.sleep(0.4 + _SLACK)
        equal(None, await kv.get("k"), "a compare-and-set with a ttl")
        equal(b"y", await kv.get("ever"), "a compare-and-set without a ttl")
        await kv.set("born", b"again", if_absent=True)
        equal(b"again", await kv.get("born"), "if_absent over an expired key")

    @law(
        "KV-023",
        "Reading does not prolong a life, and get_entry tells how much is left.",
        needs=_TTL,
    )
    async def reading_does_not_prolong(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        life, start = 2.0, world.clock.monotonic()
        await kv.set("k", b"x", ttl=life)
        written = world.clock.monotonic()
        for moment in (0.4, 0.8, 1.2, 1.4):
            await self._until(world, start + moment)
            await kv.get("k")
            asked = world.clock.monotonic()
            entry = await kv.get_entry("k")
            told = world.clock.monotonic()
            if told < start + life - _SLACK:
                that(entry is not None, "it is gone before its time")
                left = None if entry is None else entry.expires_in
                least, most = start + life - told, written + life - asked
                that(
                    left is not None and least - _SLACK < left < most + _SLACK,
                    f"{most:.2f} s before its end get_entry tells {left}",
                )
        await self._until(world, written + life + _SLACK)
        equal(None, await kv.get("k"), "read again and again before its end")

    @law("KV-024", "An expired version is stale.", needs=_TTL + _CAS)
    async def an_expired_version_is_stale(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        version = await kv.set("k", b"x", ttl=0.3)
        await world.sleep(0.3 + _SLACK)
        with refused(ConflictError, "a write over an expired version"):
            await kv.set("k", b"y", if_version=version)
        with refused(ConflictError, "a delete of an expired version"):
            await kv.delete("k", if_version=version)
        equal(None, await kv.get("k"), "after the refused write")

    @law(
        "KV-025",
        "A time to live counts by elapsed time: a step of the wall clock moves no end.",
        needs=_TTL,
        abilities=[Ability.STEP_WALL],
        level=Level.SHOULD,
    )
    async def ttl_ignores_wall_steps(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("k", b"x", ttl=1.0)
        world.step_wall(3600)
        equal(b"x", await kv.get("k"), "after the wall clock stepped forward")
        world.step_wall(-7200)
        await world.sleep(1.0 + _SLACK)
        equal(None, await kv.get("k"), "after its end, the wall clock stepped back")

    # Batches

    @law(
        "KV-030",
        "get_many answers each key with its own value; missing ones are left out.",
        needs=_BATCH,
    )
    async def get_many_answers_each(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        count = min(120, kv.pipeline.driver.limits.batch_max_items)
        await kv.set_many({f"k{n}": b"v%d" % n for n in range(count)})
        asked = [f"k{n}" for n in (7, 3, 200, count - 1, 0, 3)]
        expected = {f"k{n}": b"v%d" % n for n in (7, 3, count - 1, 0) if n < count}
        equal(expected, await kv.get_many(asked), "get_many")
        equal({}, await kv.get_many([]), "get_many of nothing")
        await kv.set_many({})
        await kv.delete_many([f"k{n}" for n in range(0, count + 10, 2)])
        left = await kv.get_many([f"k{n}" for n in range(count)])
        equal({f"k{n}": b"v%d" % n for n in range(1, count, 2)}, left, "after delete_many")

    @law(
        "KV-031", "A batch is all or nothing for every reader.", needs=_BATCH, rung=Rung.CONCURRENCY
    )
    async def batches_are_atomic(self, world: World[Any]) -> None:
        writer, reader = await self.portable(world), await self.portable(world)
        names = [f"half-{n}" for n in range(6)]
        await writer.set_many(dict.fromkeys(names, b"0"))

        async def write() -> None:
            for number in range(1, 25):
                await writer.set_many(dict.fromkeys(names, b"%d" % number))

        writing = asyncio.ensure_future(write())
        while not writing.done():
            await asyncio.sleep(0)  # a driver may answer without awaiting
            seen = set((await reader.get_many(names)).values())
            that(len(seen) == 1, f"a reader saw {len(seen)} generations of one batch at once")
        await writing

    @law(
        "KV-032",
        "set_many with a ttl gives it to every item, without takes it away.",
        needs=_BATCH + _TTL,
    )
    async def batches_honour_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("b", b"old", ttl=0.3)
        await kv.set_many({"a": b"1", "c": b"3"}, ttl=0.3)
        await kv.set_many({"b": b"2"})
        await world.sleep(0.3 + _SLACK)
        equal({"b": b"2"}, await kv.get_many(["a", "b", "c"]), "after the ttl")

    @law(
        "KV-033",
        "A batch over batch_max_items is refused and nothing written.",
        needs=_BATCH,
        rung=Rung.SHAPE,
    )
    async def the_batch_limit_is_true(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        most = min(kv.pipeline.driver.limits.batch_max_items, 2000)
        full = {f"full-{n:05}": b"x" for n in range(most)}
        await kv.set_many(full)
        equal(most, len(await kv.get_many(full)), "items of a full batch")
        if most == kv.pipeline.driver.limits.batch_max_items:
            with refused(InvalidArgumentError, "a batch over the limit"):
                await kv.set_many({**{f"over-{n}": b"x" for n in range(most)}, "one more": b"x"})
            equal(None, await kv.get("over-0"), "after the refused batch")
        await kv.delete_many(full)
        equal({}, await kv.get_many(full), "after a full delete_many")

    # Scans

    @law(
        "KV-040",
        "A scan gives each live key of its prefix once, in code-point order, over all pages.",
        needs=_SCAN,
    )
    async def a_scan_is_complete(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        odd = ("s", "sé", "s🦀", "sz", "s\uffee", "S", "t", "r\U0010ffff")
        keys = [*(f"s{n}" for n in range(250)), *odd]
        for key in keys:
            await kv.set(key, b"x")
        await kv.delete("s7")
        live = sorted(set(keys) - {"s7"})
        mine = [key for key in live if key.startswith("s")]
        whole = len(mine)
        for size in (1, 7, 100, 1000, whole // 2, whole - 1, whole, whole + 1):
            equal(mine, [key async for key in kv.scan("s", page_size=size)], f"pages of {size}")
        equal(live, [key async for key in kv.scan(page_size=50)], "the empty prefix")
        equal([], [key async for key in kv.scan("nothing")], "a prefix of no key")

    @law("KV-041", "A prefix is text, not a pattern.", needs=_SCAN)
    async def a_prefix_is_no_pattern(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        keys = ["a_b", "axb", "a%b", "a*b", "a?b", "a[b", "a.b", "a\\b", "A_b", "a\0b", "ab"]
        for key in keys:
            await kv.set(key, b"x")
        for prefix in ("a_", "a%", "a*", "a?", "a[", "a.", "a\\", "a\0", "A"):
            expected = sorted(key for key in keys if key.startswith(prefix))
            equal(expected, [key async for key in kv.scan(prefix)], f"prefix {prefix!r}")

    @law(
        "KV-042",
        "Keys that live during a whole scan are in it, whatever is deleted or written meanwhile.",
        needs=_SCAN,
        rung=Rung.CONCURRENCY,
    )
    async def a_scan_survives_changes(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        for number in range(60):
            await kv.set(f"m{number:03}", b"x")
        steady = {f"m{number:03}" for number in range(60) if number % 3}
        seen: list[str] = []
        async for key in kv.scan("m", page_size=5):
            seen.append(key)
            if len(seen) % 5 == 0:
                number = int(key[1:4])
                await other.delete(f"m{number - number % 3:03}")
                await other.set(f"m9{number:03}-new", b"x")
        equal(len(seen), len(set(seen)), "keys told twice")
        that(steady <= set(seen), f"missed {sorted(steady - set(seen))[:3]}")

    @law("KV-043", "Expired and deleted keys are not in a scan.", needs=_SCAN + _TTL)
    async def the_dead_are_not_scanned(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("d-live", b"x")
        await kv.set("d-long", b"x", ttl=60)
        await kv.set("d-gone", b"x", ttl=0.3)
        await kv.set("d-deleted", b"x")
        await kv.delete("d-deleted")
        await world.sleep(0.3 + _SLACK)
        equal(["d-live", "d-long"], [key async for key in kv.scan("d-")], "live keys")

    @law(
        "KV-044",
        "A page has at most as many keys as asked for, and the last one no cursor.",
        needs=_SCAN,
    )
    async def pages_are_bounded(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for number in range(23):
            await kv.set(f"p{number:02}", b"x")
        cursor: str | None = None
        for _ in range(100):
            page = await kv.pipeline.send(Scan("p", cursor, 5))
            that(len(page.keys) <= 5, f"a page of 5 has {len(page.keys)} keys")
            cursor = page.cursor
            if cursor is None:
                return
        that(False, "a scan of 23 keys has not ended after 100 pages")

    # Counters

    @law(
        "KV-050",
        "increment adds to what is there, from 0, and get shows the decimal text.",
        needs=[KVFeature.COUNTER],
    )
    async def increment_adds(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for delta, total in ((1, 1), (41, 42), (-50, -8), (0, -8), (1 << 62, (1 << 62) - 8)):
            equal(total, await kv.increment("n", delta), f"increment by {delta}")
            equal(b"%d" % total, await kv.get("n"), "the stored number")
        await kv.set("m", b"-5")
        equal(-4, await kv.increment("m"), "increment of a number that was set")
        equal(True, await kv.delete("m"), "delete of a counter")
        equal(1, await kv.increment("m"), "increment after a delete")

    @law(
        "KV-051",
        "Concurrent increments all count.",
        needs=[KVFeature.COUNTER],
        rung=Rung.CONCURRENCY,
    )
    async def increments_all_count(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        sums = await asyncio.gather(*(clients[n % 3].increment("n") for n in range(60)))
        equal(list(range(1, 61)), sorted(sums), "the sums of 60 increments")

    @law(
        "KV-052",
        "increment of what is no 64-bit integer is a conflict and changes nothing.",
        needs=[KVFeature.COUNTER],
    )
    async def increment_refuses_text(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for value in (b"text", b"", b"1.5", b"9" * 30, b"%d" % ((1 << 63) - 1)):
            await kv.set("n", value)
            with refused(ConflictError, f"increment of {value[:20]!r}"):
                await kv.increment("n")
            equal(value, await kv.get("n"), "after the refused increment")

    @law("KV-053", "increment keeps the time to live.", needs=[KVFeature.COUNTER, KVFeature.TTL])
    async def increment_keeps_the_ttl(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("n", b"1", ttl=0.5)
        await kv.increment("n")
        await kv.increment("ever")
        await world.sleep(0.5 + _SLACK)
        equal(None, await kv.get("n"), "a counter with a ttl, after its end")
        equal(b"1", await kv.get("ever"), "a counter without")
        equal(1, await kv.increment("n"), "increment of an expired counter")

    # Watching

    @law(
        "KV-060",
        "A watch tells every key that changes from its start on, in its last state.",
        needs=[KVFeature.WATCH],
    )
    async def a_watch_tells_changes(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        await kv.set("w/old", b"x")
        lasts: list[dict[str, tuple[ChangeKind, str]]] = [{}, {}, {}]

        async def follow(client: KV[bytes], last: dict[str, tuple[ChangeKind, str]]) -> None:
            async for change in client.watch("w/"):
                that(change.key.startswith("w/"), f"told of {change.key!r}")
                last[change.key] = (change.kind, change.version)

        watches = zip((kv, kv, other), lasts, strict=True)
        following = [asyncio.ensure_future(follow(*watch)) for watch in watches]
        try:
            await world.sleep(0.3)
            expected: dict[str, tuple[ChangeKind, str]] = {}
            await other.set("outside", b"x")
            for number in range(20):
                version = await other.set(f"w/{number % 6}", b"%d" % number)
                expected[f"w/{number % 6}"] = (ChangeKind.SET, version)
            await other.delete("w/old")
            await other.delete("w/0")
            expected["w/old"] = expected["w/0"] = (ChangeKind.DELETED, "")

            async def told() -> bool:
                return lasts == [expected] * 3

            await eventually(told, world.sleep, 5.0, "all changes told, to each of three")
            for each in following:
                that(not each.done(), "a watch ended, or told of a key outside its prefix")
        finally:
            for each in following:
                each.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    @law("KV-061", "A watch tells that a key has expired.", needs=[KVFeature.WATCH, KVFeature.TTL])
    async def a_watch_tells_expiry(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        task = asyncio.ensure_future(collect(kv.watch("e/"), 2, 8.0))
        await world.sleep(0.3)
        await kv.set("e/k", b"x", ttl=0.4)
        changes = await task
        kinds = [change.kind for change in changes]
        equal([ChangeKind.SET, ChangeKind.DELETED], kinds, "changes of a key that expires")

    # Transactions

    @law(
        "KV-070",
        "A transaction's writes are seen together at its end, and by itself at once.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def transactions_are_atomic(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        await kv.set("a", b"0")
        async with kv.transaction() as inside:
            await inside.set("a", b"1")
            await inside.set("b", b"1")
            equal(b"1", await inside.get("a"), "its own write")
            equal(b"0", await other.get("a"), "an unfinished transaction, seen from outside")
            equal(None, await other.get("b"), "an unfinished transaction, seen from outside")
        equal(b"1", await other.get("a"), "after the commit")
        equal(b"1", await other.get("b"), "after the commit")

    @law(
        "KV-071",
        "A transaction whose block raises, or is cancelled, writes nothing.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def failed_transactions_write_nothing(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        await kv.set("a", b"0")
        for error in (ValueError("the application's own"), asyncio.CancelledError()):
            try:
                async with kv.transaction() as inside:
                    await inside.set("a", b"1")
                    await inside.set("b", b"1")
                    await inside.delete("a")
                    raise error
            except (ValueError, asyncio.CancelledError) as raised:
                that(raised is error, "the block's own error was replaced")
            equal(b"0", await kv.get("a"), "after a failed transaction")
            equal(None, await kv.get("b"), "after a failed transaction")
        await kv.set("a", b"2")
        equal(b"2", await kv.get("a"), "a write after failed transactions")

    @law(
        "KV-072",
        "Concurrent transactions lose no update: they wait for each other or conflict.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def transactions_lose_no_update(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        await clients[0].set("x", b"0")
        await clients[0].set("y", b"0")

        async def move(kv: KV[bytes]) -> None:
            for _ in range(200):
                try:
                    async with kv.transaction() as inside:
                        x, y = await inside.get("x"), await inside.get("y")
                        await inside.set("x", b"%d" % (int(x or b"0") + 1))
                        await inside.set("y", b"%d" % (int(y or b"0") - 1))
                except ConflictError:
                    continue
                return
            that(False, "a transaction conflicted 200 times in a row")

        await asyncio.gather(*(move(clients[n % 3]) for n in range(15)))
        equal((b"15", b"-15"), (await clients[1].get("x"), await clients[1].get("y")), "15 moves")

    # Any sequence

    @law(
        "KV-100",
        "Any sequence of operations, from two clients, answers as a dictionary would.",
        machine=True,
    )
    def any_sequence_answers_as_a_dictionary(self, lab: Lab) -> None:
        clients = lab.run(self._two(lab.world))
        examples = iter(range(1_000_000))

        @drawn(lab)
        @given(st.lists(kv_steps(clients[0].pipeline.driver.features), max_size=30))
        def agree(steps: list[Any]) -> None:
            model = KVModel(f"model-{next(examples)}-")
            lab.run(model.follow(steps, clients))

        agree()

    async def _two(self, world: World[Any]) -> tuple[KV[bytes], KV[bytes]]:
        return await self.portable(world), await self.portable(world)
