"""The law of kv about what was cancelled, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud_tck.check import equal, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LateLaws"]

_TURNS, _REAL_TURNS = 6, 2  # of the loop after which a call is cancelled
_AT_ONCE, _LATER = 0.1, 120.0
_ENDS = (b"7", b"8", b"late", None)

Write = Callable[[KV[bytes], str], Awaitable[object]]


class LateLaws(KVBench):
    """Who has cancelled a call is done with it, and so is the store."""

    @law(
        "KV-181",
        "A write that was cancelled is done at once or never.",
        rung=Rung.RESILIENCE,
    )
    async def nothing_is_done_later(self, world: World[Any]) -> None:
        kv, other = await self.portable(world), await self.portable(world)
        features, keys = kv.pipeline.driver.features, list[str]()
        for verb, (needed, write) in _WRITES.items():
            if needed is not None and needed not in features:
                continue
            for turns in range(_TURNS if world.virtual else _REAL_TURNS):
                key = f"{verb}-{turns}"
                await kv.set(key, b"7")
                await _cancelled(write(kv, key), turns)
                keys.append(key)
        await world.sleep(_AT_ONCE)
        before = [await other.get_entry(key) for key in keys]
        for key, entry in zip(keys, before, strict=True):
            value = None if entry is None else entry.value
            that(value in _ENDS, f"{key!r} is {value!r} after the call was cancelled")
        if not world.virtual:
            return  # over a wire, what was cancelled may arrive when it may
        await world.sleep(_LATER)
        for key, entry in zip(keys, before, strict=True):
            equal(entry, await other.get_entry(key), f"{key!r}, long after the call was cancelled")


async def _cancelled(call: Awaitable[object], turns: int) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


_WRITES: dict[str, tuple[KVFeature | None, Write]] = {
    "set": (None, lambda kv, key: kv.set(key, b"late")),
    "delete": (None, lambda kv, key: kv.delete(key)),
    "batch": (KVFeature.BATCH, lambda kv, key: kv.set_many({key: b"late"})),
    "delete-many": (KVFeature.BATCH, lambda kv, key: kv.delete_many([key])),
    "increment": (KVFeature.COUNTER, lambda kv, key: kv.increment(key)),
}
