"""The law of a transaction that several parts of an application share."""

from __future__ import annotations

from typing import Any

from omnicloud.core.transactions import ended
from omnicloud_tck.check import equal
from omnicloud_tck.general.kept import Common, Kept
from omnicloud_tck.general.namespaces import BEGIN
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["Views"]


class Views(Kept):
    """For contracts of ``BEGIN``: who joins a transaction sees it as all others do."""

    @law(
        "G-117",
        "Whoever joins a transaction sees, and changes, what it has done so far.",
        needs=[Common.TRANSACTION],
    )
    async def a_transaction_is_one_for_all(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await self.put(two, "old", b"old")
        transaction = await one.send(BEGIN[self.contract]())
        views = [one.around(one.driver.within(transaction)) for _ in range(3)]
        async with ended(transaction):
            await self.put(views[0], "a", b"1")
            equal(b"1", await self.take(views[1], "a"), "what another view has written")
            await self.put(views[1], "a", b"2")
            await self.remove(views[1], "old")
            equal(b"2", await self.take(views[0], "a"), "what was written over by another view")
            await self.put(views[2], "a", b"5")
            equal(b"5", await self.take(views[0], "a"), "what it read before and another changed")
            await self.put(views[0], "b", b"3")
            equal(None, await self.take(views[2], "old"), "what another view has removed")
            await self.put(views[2], "c", b"4")
        expected = {"a": b"5", "b": b"3", "c": b"4", "old": None}
        found = {name: await self.take(two, name) for name in expected}
        equal(expected, found, "what three views of one transaction did")
