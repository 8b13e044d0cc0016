"""The law of kv about batches of nothing."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.kv import KVFeature
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv.more import kv_of
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["EmptyLaws"]

_HELD = {"a": b"1", "b": b"2"}


class EmptyLaws(Contract):
    """Nothing asked, nothing done."""

    @law(
        "KV-178",
        "A batch of no keys answers none and changes none, in a transaction or outside.",
        needs=[KVFeature.BATCH],
    )
    async def empty_batches_do_nothing(self, world: World[Any]) -> None:
        kv, other = await kv_of(world), await kv_of(world)
        await kv.set_many(_HELD)
        equal({}, await kv.get_many([]), "a batch of no keys")
        await kv.set_many({})
        await kv.delete_many([])
        equal(_HELD, await other.get_many([*_HELD, "c"]), "what is there after empty batches")
        if KVFeature.TRANSACTION not in kv.pipeline.driver.features:
            return
        async with kv.transaction() as inside:
            equal({}, await inside.get_many([]), "a batch of no keys, inside")
            await inside.set_many({})
            await inside.delete_many([])
            equal(_HELD, await inside.get_many(_HELD), "after empty batches, inside")
        equal(_HELD, await other.get_many(_HELD), "after a transaction of empty batches")
