"""The law of kv about the versions of what a transaction writes."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud_tck.check import equal, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["NumberedLaws"]

_F = KVFeature


class NumberedLaws(KVBench):
    """A version is one inside a transaction and after it."""

    @law(
        "KV-187",
        "The version that a write in a transaction is told is the one it has after the commit.",
        needs=[_F.TRANSACTION],
    )
    async def versions_outlast_the_commit(self, world: World[Any]) -> None:
        one, two = await self._two(world)
        for name in ("over", "read", "counted"):
            await one.set(name, b"1")
        told: dict[str, str] = {}
        async with one.transaction() as inside:
            for name in ("new", "over", "twice", "twice"):
                told[name] = await inside.set(name, b"2")
            for name in ("new", "twice"):
                equal(told[name], await _version(inside, name), f"the version of {name!r}, inside")
            if _F.COUNTER in one.pipeline.driver.features:
                await inside.increment("counted")
                told["counted"] = await _version(inside, "counted")
            told["read"] = await _version(inside, "read")
        for name, version in told.items():
            equal(version, await _version(two, name), f"the version of {name!r}, after the commit")
        if _F.COMPARE_AND_SET in one.pipeline.driver.features:
            for name, version in told.items():
                await two.set(name, b"3", if_version=version)
                equal(b"3", await one.get(name), f"{name!r}, written over the version it was told")


async def _version(kv: KV[bytes], name: str) -> str:
    entry = await kv.get_entry(name)
    that(entry is not None, f"there is no {name!r}")
    return "" if entry is None else entry.version
