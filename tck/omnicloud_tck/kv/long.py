"""The law of transactions that stay open for long."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.kv import KVFeature
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LongLaws"]

_LONG_SECONDS = 3600.0
_SHORT_SECONDS = 0.1


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
