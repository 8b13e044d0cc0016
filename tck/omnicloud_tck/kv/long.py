"""The law of transactions that stay open for long."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LongLaws"]

_LONG_SECONDS = 3600.0
_SHORT_SECONDS = 0.1
_LIFE, _SLACK = 0.4, 0.15


class LongLaws(KVBench):
    """A store may end a transaction that takes too long, and says so."""

    @law(
        "KV-174",
        "What a transaction tells as written is there, however long it was open.",
        needs=[KVFeature.TRANSACTION],
        rung=Rung.RESILIENCE,
        patience=4 * _LONG_SECONDS,
    )
    async def long_transactions_tell_the_truth(self, world: World[Any]) -> None:
        kv, other = await self._two(world)
        told = True
        try:
            async with kv.transaction() as inside:
                await inside.set("long", b"x")
                # It may wait for the transaction, or end it.
                meanwhile = asyncio.ensure_future(other.set("other", b"y"))
                await world.sleep(_LONG_SECONDS if world.virtual else _SHORT_SECONDS)
        except ConflictError:
            told = False
        await meanwhile
        equal(b"x" if told else None, await kv.get("long"), "a transaction that ended well")
        equal(b"y", await other.get("other"), "what was written meanwhile")

    @law(
        "KV-182",
        "A life ends on time, whatever transaction is open meanwhile.",
        needs=[KVFeature.TRANSACTION, KVFeature.TTL],
        rung=Rung.CONCURRENCY,
    )
    async def lives_end_beside_transactions(self, world: World[Any]) -> None:
        kv, other = await self._two(world)
        for name in ("short", "written"):
            await kv.set(name, b"x", ttl=_LIFE)
        await kv.set("long", b"x", ttl=3600)
        looking: asyncio.Task[None] | None = None
        with suppress(ConflictError):  # the write may lose against the end of what it overwrites
            async with kv.transaction() as inside:
                await inside.set("written", b"y")
                await world.sleep(_LIFE + _SLACK)
                # A store may let readers wait for the transaction.
                looking = asyncio.ensure_future(_looked(other))
                await asyncio.wait((looking,), timeout=_LIFE)
        await (looking if looking is not None else _looked(other))


async def _looked(kv: KV[bytes]) -> None:
    """See that what ended is gone, by every way of reading."""
    features = kv.pipeline.driver.features
    equal(None, await kv.get("short"), "past its life, a transaction open")
    equal(None, await kv.get_entry("short"), "its entry")
    if KVFeature.BATCH in features:
        equal({"long": b"x"}, await kv.get_many(["short", "long"]), "read together")
    if KVFeature.SCAN in features:
        names = {key async for key in kv.scan()}
        that("long" in names and "short" not in names, f"keys that live: {sorted(names)}")
