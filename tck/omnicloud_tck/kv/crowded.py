"""The law of kv about transactions of many keys."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import KVBench, batches
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["CrowdedLaws"]

_F = KVFeature
_MANY, _MANY_ONE_BY_ONE, _REAL_MANY = 300, 120, 140
_TURNS = 50


class CrowdedLaws(KVBench):
    """A transaction of many keys is one of few."""

    @law(
        "KV-199",
        "A transaction reads and writes as many keys as a driver says it may, and is one "
        "transaction; one of more is refused and writes nothing.",
        needs=[_F.TRANSACTION],
        rung=Rung.CONCURRENCY,
    )
    async def transactions_of_many_keys(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        bound = one.pipeline.driver.limits.transaction_max_keys
        most = min(bound or _MANY, _tried(one, real=not world.virtual))
        keys = [f"t{number:03}" for number in range(most - 1)]
        for key in keys:
            await one.set(key, b"1")
        async with one.transaction() as inside:
            if _F.SCAN in one.pipeline.driver.features:
                equal(keys, [key async for key in inside.scan("t")], "a scan in a transaction")
            await _write(
                inside, {key: b"%d" % (value + 1) for key, value in await _all(inside, keys)}
            )
        equal([2] * len(keys), [value for _, value in await _all(two, keys)], "after a transaction")
        await asyncio.gather(*(_count_on(kv, keys) for kv in (one, two, two)))
        equal(b"5", await one.get(keys[-1]), "a key to which three transactions added 1")
        if bound is not None and bound < _MANY:
            await _are_refused(one, two, [f"u{number:03}" for number in range(bound + 1)])


def _tried(kv: KV[bytes], *, real: bool) -> int:
    if real:
        return _REAL_MANY
    return _MANY if _F.BATCH in kv.pipeline.driver.features else _MANY_ONE_BY_ONE


async def _all(kv: KV[bytes], keys: Sequence[str]) -> list[tuple[str, int]]:
    """The keys and their numbers; 0 where there is none."""
    size = kv.pipeline.driver.limits.batch_max_items
    if _F.BATCH not in kv.pipeline.driver.features:
        return [(key, int(await kv.get(key) or b"0")) for key in keys]
    found: dict[str, bytes] = {}
    for start in range(0, len(keys), size):
        found |= await kv.get_many(keys[start : start + size])
    return [(key, int(found.get(key, b"0"))) for key in keys]


async def _write(kv: KV[bytes], items: dict[str, bytes]) -> None:
    if _F.BATCH in kv.pipeline.driver.features:
        for batch in batches(items, kv.pipeline.driver.limits):
            await kv.set_many(batch)
        return
    for key, value in items.items():
        await kv.set(key, value)


async def _count_on(kv: KV[bytes], keys: Sequence[str]) -> None:
    """Read all keys, and add 1 to the last."""
    for _ in range(_TURNS):
        try:
            async with kv.transaction() as inside:
                *_, (key, value) = await _all(inside, keys)
                await inside.set(key, b"%d" % (value + 1))
        except ConflictError:
            continue
        return
    that(False, f"a transaction conflicted {_TURNS} times in a row")


async def _are_refused(one: KV[bytes], two: KV[bytes], keys: Sequence[str]) -> None:
    with refused(InvalidArgumentError, "a transaction that reads more than transaction_max_keys"):
        async with one.transaction() as inside:
            await inside.set("over", b"1")
            await _all(inside, keys)
    with refused(InvalidArgumentError, "a transaction that writes more than transaction_max_keys"):
        async with one.transaction() as inside:
            await _write(inside, dict.fromkeys(keys, b"1"))
    left = [key for key, value in await _all(two, ["over", *keys]) if value]
    equal([], left, "what refused transactions wrote")
