"""The law of versions of kv, whichever request tells them."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.kv import KVFeature
from omnicloud.contracts.kv.driver import Changes, Delete, Get, GetMany, Increment, Set
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.nearby import OTHERS, only_this
from omnicloud_tck.world import World

__all__ = ["ToldLaws"]

_F = KVFeature
_PAGES = 5


class ToldLaws(Contract):
    """What is told is what conditions know."""

    @law(
        "KV-198",
        "A version holds for a condition as it was told, by whichever request, and none of "
        "another key.",
        needs=[_F.COMPARE_AND_SET],
    )
    async def versions_are_known_as_told(self, world: World[Any]) -> None:
        pipe: Any = await world.pipeline()

        async def set_under(version: str) -> str:
            made: str = await pipe.send(Set("k", b"1", if_version=version))
            return made

        async def read() -> str:
            return str((await pipe.send(Get("k"))).version)

        version = await pipe.send(Set("k", b"1", if_absent=True))
        others = [await pipe.send(Set(f"o{number}", b"1")) for number in range(OTHERS)]
        await only_this(version, others, set_under, "a set")
        await only_this(await read(), others, set_under, "a set after a set")
        await set_under(await set_under(await pipe.send(Set("k", b"1"))))
        if _F.BATCH in pipe.driver.features:
            (found,) = await pipe.send(GetMany(("k",)))
            equal(await read(), found.version, "the version in get_many")
        if _F.COUNTER in pipe.driver.features:
            await pipe.send(Increment("k"))
            await only_this(await read(), others, set_under, "a set after an increment")
        if _F.WATCH in pipe.driver.features:
            cursor = (await pipe.send(Changes("k"))).cursor
            await set_under(await read())
            page = await pipe.send(Changes("k", cursor, 5.0))
            for _ in range(_PAGES):  # one may be empty
                if not page.changes:
                    page = await pipe.send(Changes("k", page.cursor, 5.0))
            equal(await read(), page.changes[-1].version, "the version in a watch")
        version = await read()
        await only_this(version, others, lambda v: pipe.send(Delete("k", v)), "a delete")
        equal(None, await pipe.send(Get("k")), "what was deleted under its version")
