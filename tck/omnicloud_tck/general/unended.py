"""A law about a transaction that nobody ends."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.core.transactions import Transaction
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import that
from omnicloud_tck.general.kept import Common, Kept, Pipe
from omnicloud_tck.general.namespaces import BEGIN
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Unended"]

_LONG_SECONDS = 3600.0  # after which a store has undone what nobody ended
_MOST_SECONDS = 60.0
_OLD, _NEW, _LATER = b"older", b"newer", b"later"


class Unended(Kept):
    """For contracts of ``BEGIN``: a transaction that is left alone holds up nobody."""

    @law(
        "G-115",
        "A transaction whose client left, or that nobody ends for an hour, holds up nobody, and "
        "nothing of it is there unless a commit says so.",
        needs=[Common.TRANSACTION],
        rung=Rung.RESILIENCE,
        patience=4 * _LONG_SECONDS,
    )
    async def nobody_waits_for_the_forgotten(self, world: World[Any]) -> None:
        other = await world.pipeline()
        await self.put(other, "changed", _OLD)
        leaver = await world.pipeline()
        left = await self._begun(leaver)
        await world.part(leaver.driver)
        if world.virtual:
            await world.sleep(_LONG_SECONDS)
        await self._goes_on(world, other, left, "whose client left")
        if world.virtual:
            forgotten = await self._begun(await world.pipeline())
            await world.sleep(_LONG_SECONDS)
            await self._goes_on(world, other, forgotten, "that nobody ended for an hour")

    async def _begun(self, pipe: Pipe) -> Transaction:
        transaction: Transaction = await pipe.send(BEGIN[self.contract]())
        inside = pipe.around(pipe.driver.within(transaction))
        for name in ("changed", "new"):
            await self.put(inside, name, _NEW)
        return transaction

    async def _goes_on(self, world: World[Any], pipe: Pipe, left: Transaction, which: str) -> None:
        names = ("changed", "new")
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                before = [await self.take(pipe, name) for name in names]
                await self.put(pipe, "other", _LATER)
        except TimeoutError:
            that(False, f"a transaction {which} held up another for {_MOST_SECONDS:.0f} s")
        that(before == [_OLD, None], f"a transaction {which} left {before}")
        committed = await _committed(left)
        found = [await self.take(pipe, name) for name in names]
        expected = [_NEW, _NEW] if committed else before
        told = "ended well" if committed else "was refused"
        that(found == expected, f"the commit of a transaction {which} {told} and left {found}")
        await self.put(pipe, "changed", _OLD)
        await self.remove(pipe, "new")


async def _committed(left: Transaction) -> bool:
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            await left.commit()
    except OmniCloudError:
        return False
    except TimeoutError:
        that(False, f"a late commit had not ended after {_MOST_SECONDS:.0f} s")
    return True
