"""The laws of kv about values and keys on every way in and out."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.contracts.kv.driver import Changes, Get, GetMany
from omnicloud.contracts.kv.models import Record
from omnicloud.core.codec import BYTES
from omnicloud_tck.check import equal, that
from omnicloud_tck.general.kept import Kept
from omnicloud_tck.general.tenants import of_tenants
from omnicloud_tck.kv.bench import batches
from omnicloud_tck.law import Rung, law
from omnicloud_tck.samples import NAMES
from omnicloud_tck.world import World

__all__ = ["WaysLaws"]

_BATCH = [KVFeature.BATCH]
_NEIGHBOURS = ("acme", "acme2", "ACME")
_SLACK = 1.0  # seconds by which two looks at one life may differ


class WaysLaws(Kept):
    """What one verb keeps, every verb keeps."""

    async def _kv(self, world: World[Any]) -> KV[bytes]:
        return KV(await world.pipeline(), BYTES)

    @law(
        "KV-150",
        "A batch keeps keys and values as single writes do, and reads them so.",
        needs=_BATCH,
    )
    async def batches_keep_all(self, world: World[Any]) -> None:
        one, two = await self._kv(world), await self._kv(world)
        named = {name: b"%d" % number for number, name in enumerate(NAMES)}
        values = {f"v-{n}": value for n, value in enumerate(self.payloads(one.pipeline))}
        limits = one.pipeline.driver.limits
        for items in (*batches(named, limits), *batches(values, limits)):
            await one.set_many(items)
            for key, value in items.items():
                equal(value, await two.get(key), f"{key[:40]!r}, written in a batch")
            await one.delete_many(items)
            equal({}, await two.get_many(items), "what was deleted in a batch")
            for key, value in items.items():
                await one.set(key, value)
            equal(items, await two.get_many(items), "what was written one by one")

    @law("KV-151", "A batch of reads tells of each key what a single read tells.", needs=_BATCH)
    async def batches_tell_the_same(self, world: World[Any]) -> None:
        kv = await self._kv(world)
        lives = KVFeature.TTL in kv.pipeline.driver.features
        for number in range(6):
            await kv.set(f"k-{number % 4}", b"%d" % number, ttl=100 + number if lives else None)
        await kv.set("ever", b"x")
        keys = ("k-3", "missing", "ever", "k-0", "k-1", "missing too", "k-2")
        most = kv.pipeline.driver.limits.batch_max_items
        many: list[Record | None] = []
        for start in range(0, len(keys), most):
            page: tuple[Record | None, ...] = await kv.pipeline.send(
                GetMany(keys[start : start + most])
            )
            many += page
        equal(len(keys), len(many), "answers to a batch of reads")
        for key, found in zip(keys, many, strict=True):
            alone: Record | None = await kv.pipeline.send(Get(key))
            told = [record and (record.value, record.version) for record in (alone, found)]
            equal(told[0], told[1], f"value and version of {key!r}")
            ends = [None if record is None else record.expires_in for record in (alone, found)]
            same = ends[0] == ends[1] or None not in ends
            that(same, f"{key!r} is told to end alone or in a batch only")
            if ends[0] is not None and ends[1] is not None:
                that(abs(ends[0] - ends[1]) < _SLACK, f"{key!r} is told two ends")

    @law(
        "KV-152",
        "A transaction keeps keys and values as writes outside it do.",
        needs=[KVFeature.TRANSACTION],
    )
    async def transactions_keep_all(self, world: World[Any]) -> None:
        one, two = await self._kv(world), await self._kv(world)
        items = {f"v-{n}": value for n, value in enumerate(self.payloads(one.pipeline))}
        items |= {name: name.encode()[:40] for name in NAMES}
        batched = list(batches(items, one.pipeline.driver.limits))
        for batch in batched:
            async with one.transaction() as inside:
                for key, value in batch.items():
                    await inside.set(key, value)
                    equal(value, await inside.get(key), f"{key[:40]!r}, read in the transaction")
        for key, value in (item for batch in batched for item in batch.items()):
            equal(value, await two.get(key), f"{key[:40]!r}, written in a transaction")

    @law(
        "KV-153",
        "A watch tells nothing of other tenants, whatever their names begin with.",
        needs=[KVFeature.WATCH],
        rung=Rung.TRUST,
    )
    async def watches_stay_at_home(self, world: World[Any]) -> None:
        pipes = await of_tenants(world, _NEIGHBOURS)
        for prefix in ("", "k"):
            cursors = {t: (await p.send(Changes(prefix))).cursor for t, p in pipes.items()}
            for number, pipe in enumerate(pipes.values()):
                await KV(pipe, BYTES).set(f"k-{number}", b"x")
            for number, (tenant, pipe) in enumerate(pipes.items()):
                page = await pipe.send(Changes(prefix, cursors[tenant], 0.5))
                told = [change.key for change in page.changes]
                equal([f"k-{number}"], told, f"changes that {tenant!r} is told, from {prefix!r}")
