"""The laws of kv about watching whole batches, ended transactions, tenants and what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from omnicloud.contracts.kv import KV, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import Changes
from omnicloud.core.codec import BYTES
from omnicloud.core.operation import Feature
from omnicloud.errors import ConflictError, OmniCloudError
from omnicloud_tck.check import each, equal, eventually, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv.more import kv_of
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.telling import everything, refusal, tells
from omnicloud_tck.world import World

__all__ = ["KVApart"]

_WATCH = [KVFeature.WATCH]
_TRANSACTION = [KVFeature.TRANSACTION]
_CANARY = b"canary-9b2e44"

Call = Coroutine[Any, Any, object]


class KVApart(Contract):
    """What belongs together is told together; what does not stays apart."""

    @law(
        "KV-130",
        "A watch tells every key of a batch or a transaction, written, deleted or counted.",
        needs=[*_WATCH, KVFeature.BATCH],
    )
    async def a_watch_tells_whole_batches(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        await kv.set("w/9", b"deleted below")
        cursor = (await kv.pipeline.send(Changes("w/"))).cursor
        names = [f"w/{number}" for number in range(5)]
        most = kv.pipeline.driver.limits.batch_max_items
        written = [*names, "outside"]
        for start in range(0, len(written), most):
            await other.set_many(dict.fromkeys(written[start : start + most], b"x"))
        await other.delete_many([names[1], names[3], "w/9"])
        expected = dict.fromkeys(names, ChangeKind.SET)
        expected |= dict.fromkeys((names[1], names[3], "w/9"), ChangeKind.DELETED)
        await other.delete(names[2])
        for name in names[2:4]:
            await other.set(name, b"again")
            expected[name] = ChangeKind.SET
        if KVFeature.COUNTER in kv.pipeline.driver.features:
            await other.increment("w/n")
            expected["w/n"] = ChangeKind.SET
        if KVFeature.TRANSACTION in kv.pipeline.driver.features:
            await other.set_many(dict.fromkeys(("w/7", "w/8"), b"deleted below"))
            expected |= await self._in_transactions(other)
        await self._told(world, kv, cursor, expected)

    async def _in_transactions(self, kv: KV[bytes]) -> dict[str, ChangeKind]:
        """Write by every verb in a transaction, and again in one that is rolled back."""
        async with _ending(kv, fails=True) as inside:
            await inside.set("w/never", b"x")
            await inside.delete("w/0")
        async with _ending(kv, fails=False) as inside:
            await inside.set("w/set", b"x")
            await inside.delete("w/8")
            await inside.set_many({"w/one": b"x", "w/two": b"x"})
            await inside.delete_many(["w/7"])
            expected = dict.fromkeys(("w/set", "w/one", "w/two"), ChangeKind.SET)
            expected |= dict.fromkeys(("w/7", "w/8"), ChangeKind.DELETED)
            if KVFeature.COUNTER in kv.pipeline.driver.features:
                await inside.increment("w/counted")
                expected["w/counted"] = ChangeKind.SET
        return expected

    async def _told(
        self, world: World[Any], kv: KV[bytes], cursor: str, expected: dict[str, ChangeKind]
    ) -> None:
        last: dict[str, ChangeKind] = {}
        at = [cursor]

        async def complete() -> bool:
            page = await kv.pipeline.send(Changes("w/", at[0], 0.5))
            last.update({change.key: change.kind for change in page.changes})
            at[0] = page.cursor
            return last == expected

        await eventually(complete, world.sleep, 5.0, "every change told")

    @law(
        "KV-131",
        "A cursor of a watch passes over nothing in silence, an outage between or not.",
        needs=_WATCH,
        abilities=[Ability.OUTAGE],
    )
    async def a_watch_survives_an_outage(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        cursor = (await kv.pipeline.send(Changes("w/"))).cursor
        await other.set("w/before", b"x")
        async with world.outage():
            await refusal(kv.pipeline.send(Changes("w/", cursor, 0.1)), "watching in an outage")
        await other.set("w/after", b"x")
        expected = dict.fromkeys(("w/before", "w/after"), ChangeKind.SET)
        try:
            await self._told(world, kv, cursor, expected)
        except OmniCloudError:
            return  # told that it cannot go on, who watches begins anew and reads all

    @law(
        "KV-136",
        "A life ends on time, an outage between or not.",
        needs=[KVFeature.TTL],
        abilities=[Ability.OUTAGE],
    )
    async def lives_end_through_an_outage(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        await kv.set("short", b"x", ttl=2.0)
        await kv.set("long", b"x", ttl=60)
        async with world.outage():
            await refusal(kv.get("short"), "a read in an outage")
        equal(b"x", await kv.get("long"), "a key within its life, after an outage")
        await world.sleep(2.2)
        equal(None, await kv.get("short"), "a key after its end, an outage between")
        equal(b"x", await kv.get("long"), "a key within its life")

    @law(
        "KV-132",
        "A transaction sees its own writes and deletions by every way of reading.",
        needs=_TRANSACTION,
    )
    async def transactions_see_themselves(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        features = kv.pipeline.driver.features
        for key in ("a", "b", "c"):
            await kv.set(key, b"0")
        async with kv.transaction() as inside:
            await inside.set("a", b"1")
            await inside.delete("b")
            await inside.set("d", b"1")
            await self._sees(inside, features, {"a": b"1", "b": None, "c": b"0", "d": b"1"})
            await inside.set("b", b"2")
            await inside.delete("d")
            await self._sees(inside, features, {"a": b"1", "b": b"2", "c": b"0", "d": None})
            if KVFeature.COUNTER in features:
                equal(3, await inside.increment("a", 2), "a number that it wrote before")
        await self._sees(kv, features, {"b": b"2", "c": b"0", "d": None})

    async def _sees(
        self, kv: KV[bytes], features: frozenset[Feature], expected: dict[str, bytes | None]
    ) -> None:
        live = {key: value for key, value in expected.items() if value is not None}
        for key, value in expected.items():
            equal(value, await kv.get(key), f"get of {key!r}")
            entry = await kv.get_entry(key)
            equal(value, None if entry is None else entry.value, f"the entry of {key!r}")
        if KVFeature.BATCH in features:
            equal(live, await kv.get_many(expected), "get_many")
        if KVFeature.SCAN in features:
            for size in (1000, 1):
                keys = [key async for key in kv.scan(page_size=size) if key in expected]
                equal(sorted(live), keys, f"a scan in pages of {size}")

    @law(
        "KV-133",
        "After its end a transaction takes nothing more: what is sent in it is refused.",
        needs=_TRANSACTION,
        rung=Rung.RESILIENCE,
    )
    async def ended_transactions_are_over(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        features = kv.pipeline.driver.features
        for fails in (False, True):
            await kv.set("kept", b"kept")
            async with _ending(kv, fails=fails) as inside:
                await inside.set("inside", b"1")
            calls: list[Call] = [inside.set("late", b"x"), inside.delete("kept")]
            if KVFeature.BATCH in features:
                calls += [inside.set_many({"late": b"x"}), inside.delete_many(["kept"])]
            if KVFeature.COUNTER in features:
                calls.append(inside.increment("late"))
            for call in each(*calls):
                with refused(ConflictError, "a write in a transaction that has ended"):
                    await call
            equal(None, await kv.get("late"), "what was written after the end")
            equal(b"kept", await kv.get("kept"), "what was deleted after the end")

    @law("KV-134", "Every request stays within its tenant.", rung=Rung.TRUST)
    async def every_request_stays_at_home(self, world: World[Any]) -> None:
        tenants = ("acme", "acme2", None)
        kvs = [KV(await world.pipeline(Scoping(tenant)), BYTES) for tenant in tenants]
        features = kvs[0].pipeline.driver.features
        for tenant, mine in zip(tenants, kvs, strict=True):
            for kv in kvs:
                await kv.set("k", b"5")
                await kv.set("l", b"5")
                await kv.delete("new")
            expected = await self._changed(mine, features)
            for other, kv in zip(tenants, kvs, strict=True):
                wanted = expected if kv is mine else {"k": b"5", "l": b"5", "new": None}
                for key, value in wanted.items():
                    about = f"{key!r} of {other!r} after {tenant!r} wrote"
                    equal(value, await kv.get(key), about)

    async def _changed(
        self, kv: KV[bytes], features: frozenset[Feature]
    ) -> dict[str, bytes | None]:
        """Write by every verb that there is; what its tenant must find then."""
        if KVFeature.BATCH in features:
            await kv.set_many({"k": b"7", "new": b"7"})
            equal({"k": b"7", "new": b"7"}, await kv.get_many(["k", "new"]), "its own batch")
            await kv.delete_many(["l", "new"])
        else:
            await kv.set("k", b"7")
            await kv.delete("l")
        if KVFeature.COUNTER in features:
            equal(8, await kv.increment("k"), "its own number")
        return {"k": b"8" if KVFeature.COUNTER in features else b"7", "l": None, "new": None}

    @law("KV-135", "The error of a refused call and its causes tell no value.", rung=Rung.TRUST)
    async def refusals_tell_no_value(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        features = kv.pipeline.driver.features
        await kv.set("k", _CANARY)
        calls: list[Call] = []
        if KVFeature.COUNTER in features:
            calls.append(kv.increment("k"))
        if KVFeature.COMPARE_AND_SET in features:
            calls.append(kv.set("k", _CANARY, if_version="stale"))
            calls.append(kv.set("k", _CANARY, if_absent=True))
            calls.append(kv.delete("k", if_version="stale"))
        limit = kv.pipeline.driver.limits.value_max_bytes
        if limit <= 1 << 20:
            calls.append(kv.set("k", _CANARY * (limit // len(_CANARY) + 1)))
        for call in each(*calls):
            told = everything(await refusal(call, "a call that cannot be done"))
            that(not tells(told, _CANARY), "an error tells a value")


@asynccontextmanager
async def _ending(kv: KV[bytes], *, fails: bool) -> AsyncIterator[KV[bytes]]:
    """A transaction that ends with the block, by a commit or by a rollback."""
    try:
        async with kv.transaction() as inside:
            yield inside
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        equal(True, fails, "whether it was to fail")
