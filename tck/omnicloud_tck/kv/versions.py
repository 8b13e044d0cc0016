"""Laws of versions and of writes on condition."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import KVBench
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["VersionLaws"]

_CAS = [KVFeature.COMPARE_AND_SET]


class VersionLaws(KVBench):
    """A version is of one write, and a condition holds for all."""

    @law("KV-010", "Every write gives another version, also of an equal value.")
    async def every_write_has_its_version(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        seen: set[str] = set()
        for value in (b"a", b"a", b"b", b"a", b""):
            version = await kv.set("k", value)
            entry = await kv.get_entry("k")
            that(entry is not None and entry.version == version, "set and get_entry differ")
            that(isinstance(version, str) and version, "a version is text that is not empty")
            that(version not in seen, "a version came twice")
            seen.add(version)

    @law("KV-011", "A version is not given again after the key was deleted.")
    async def versions_are_not_reused(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        seen: set[str] = set()
        for _ in range(6):
            for _ in range(3):
                version = await kv.set("k", b"same")
                that(version not in seen, "a version came again after a delete")
                seen.add(version)
            await kv.delete("k")

    @law(
        "KV-012",
        "if_version writes over that version and no other, and a refused write changes nothing.",
        needs=_CAS,
    )
    async def a_stale_version_conflicts(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        first = await kv.set("k", b"A")
        second = await kv.set("k", b"B", if_version=first)
        third = await kv.set("k", b"A", if_version=second)
        for stale in (first, second, "0", "no such version"):
            with refused(ConflictError, "a write over a stale version"):
                await kv.set("k", b"lost", if_version=stale)
            with refused(ConflictError, "a delete of a stale version"):
                await kv.delete("k", if_version=stale)
        entry = await kv.get_entry("k")
        that(entry is not None and (entry.value, entry.version) == (b"A", third), "it was changed")
        equal(True, await kv.delete("k", if_version=third), "delete of the current version")
        for stale in (first, third):
            with refused(ConflictError, "a write over a version of a deleted key"):
                await kv.set("k", b"risen", if_version=stale)
            with refused(ConflictError, "a delete of a version of a deleted key"):
                await kv.delete("k", if_version=stale)
        equal(None, await kv.get("k"), "after the refused writes")
        await kv.set("k", b"A")
        with refused(ConflictError, "a version from before the delete"):
            await kv.set("k", b"lost", if_version=third)

    @law("KV-013", "if_absent writes only where no live key is.", needs=_CAS)
    async def if_absent_does_not_overwrite(self, world: World[Any]) -> None:
        kv = await self.portable(world)
        for value in (b"first", b""):
            await kv.set("k", value, if_absent=True)
            for other in (b"second", value):
                with refused(AlreadyExistsError, "if_absent over a live key"):
                    await kv.set("k", other, if_absent=True)
            equal(value, await kv.get("k"), "after the refused write")
            await kv.delete("k")
        with refused(InvalidArgumentError, "an empty version"):
            await kv.set("k", b"x", if_version="")
        equal(None, await kv.get("k"), "after the refused write")

    @law(
        "KV-014",
        "Of concurrent writes and deletions over one version, or of creations, one wins.",
        needs=_CAS,
        rung=Rung.CONCURRENCY,
    )
    async def one_of_many_wins(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(4)]
        for turn in range(4):
            await self._one_wins(clients, f"create-{turn}", None)
            version = await clients[0].set(f"over-{turn}", b"start")
            deletes = range(turn, 16, 4) if turn % 2 == 0 else range(0)
            await self._one_wins(clients, f"over-{turn}", version, deletes)

    async def _one_wins(
        self, clients: list[KV[bytes]], key: str, version: str | None, deletes: range = range(0)
    ) -> None:
        async def attempt(number: int) -> int | None:
            kv = clients[number % len(clients)]
            try:
                if number in deletes:
                    await kv.delete(key, if_version=version)
                    return number
                await kv.set(key, b"%d" % number, if_version=version, if_absent=version is None)
            except ConflictError:
                return None
            return number

        winners = [n for n in await asyncio.gather(*map(attempt, range(16))) if n is not None]
        equal(1, len(winners), f"winners of 16 concurrent conditional writes of {key}")
        left = None if winners[0] in deletes else b"%d" % winners[0]
        equal(left, await clients[0].get(key), "the winner's value")

    @law(
        "KV-015",
        "Concurrent read-modify-write by compare and set loses no update.",
        needs=_CAS,
        rung=Rung.CONCURRENCY,
    )
    async def no_update_is_lost(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(3)]
        await clients[0].set("sum", b"0")

        async def add(kv: KV[bytes]) -> None:
            for _ in range(8):
                await self._add_one(kv)

        async with asyncio.TaskGroup() as group:
            for kv in clients * 2:
                group.create_task(add(kv))
        equal(b"48", await clients[0].get("sum"), "48 additions of one")

    async def _add_one(self, kv: KV[bytes]) -> None:
        for _ in range(1000):
            entry = await kv.get_entry("sum")
            that(entry is not None, "a live key was read as absent")
            if entry is None:
                return
            try:
                await kv.set("sum", b"%d" % (int(entry.value) + 1), if_version=entry.version)
            except ConflictError:
                continue
            return
        that(False, "compare and set did not succeed in 1000 attempts")
