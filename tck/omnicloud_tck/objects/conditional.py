"""The laws of conditional writes of objects."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import each, equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ConditionLaws"]

_CAS = [ObjectsFeature.CONDITIONAL]


class ConditionLaws(Contract):
    """A condition holds on every way of writing, and for one of many."""

    @law("OBJ-020", "A condition is honoured by every way of writing.", needs=_CAS)
    async def conditions_are_honoured(self, world: World[Any]) -> None:
        objects = Objects(await world.pipeline())
        first = await objects.upload("k", b"1", if_absent=True)
        second = await objects.upload("k", b"2", if_version=first)
        await objects.upload("source", b"source")
        for call in each(
            objects.upload("k", b"x", if_absent=True), objects.copy("source", "k", if_absent=True)
        ):
            with refused(AlreadyExistsError, "if_absent over an object"):
                await call
        for stale in (first, "no such version"):
            for write in each(
                objects.upload("k", b"x", if_version=stale),
                objects.copy("source", "k", if_version=stale),
                objects.delete("k", if_version=stale),
            ):
                with refused(ConflictError, "a write over a stale version"):
                    await write
        equal(b"2", await objects.download("k"), "after the refused writes")
        await objects.delete("k", if_version=second)
        for write in each(
            objects.upload("k", b"x", if_version=second),
            objects.copy("source", "k", if_version=second),
            objects.delete("k", if_version=second),
        ):
            with refused(ConflictError, "a version of a deleted object"):
                await write
        equal(False, await objects.exists("k"), "whether a refused write made it")
        await objects.copy("source", "k", if_absent=True)
        equal(b"source", await objects.download("k"), "a conditional copy")

    @law("OBJ-021", "Of concurrent conditional writes one wins.", needs=_CAS, rung=Rung.CONCURRENCY)
    async def one_of_many_wins(self, world: World[Any]) -> None:
        clients = [Objects(await world.pipeline()) for _ in range(3)]
        for turn in range(3):
            version: str | None = None
            for _ in range(2):
                version = await self._one_wins(clients, f"k{turn}", version)

    async def _one_wins(self, clients: list[Objects], key: str, version: str | None) -> str:
        async def attempt(number: int) -> tuple[int, str] | None:
            objects = clients[number % len(clients)]
            try:
                made = await objects.upload(
                    key, b"%d" % number, if_version=version, if_absent=version is None
                )
            except ConflictError:
                return None
            return number, made

        won = [each for each in await asyncio.gather(*map(attempt, range(12))) if each]
        equal(1, len(won), "winners of 12 concurrent conditional writes")
        equal(b"%d" % won[0][0], await clients[0].download(key), "the winner's content")
        return won[0][1]
