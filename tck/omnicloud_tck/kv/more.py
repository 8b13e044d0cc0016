"""The laws of kv about versions, counters, lives and batches beyond the usual cases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.codec import BYTES
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.kv.bench import most_of
from omnicloud_tck.kv.conditions import KVConditions
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["KVMore", "kv_of"]

_TTL = [KVFeature.TTL]
_CAS = [KVFeature.COMPARE_AND_SET]
_BATCH = [KVFeature.BATCH]
_COUNTER = [KVFeature.COUNTER]
_INT64 = 1 << 63
_DAY = 86400.0
_SLACK = 0.15  # seconds that a time to live may be off, either way


async def kv_of(world: World[Any]) -> KV[bytes]:
    """One more client."""
    return KV(await world.pipeline(), BYTES)


class KVMore(KVConditions):
    """What is promised beyond the usual cases."""

    @law(
        "KV-120",
        "increment counts to both ends of 64 bit and refuses what a parser would be kind to.",
        needs=_COUNTER,
    )
    async def increment_is_exact(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        for start, delta in ((_INT64 - 2, 1), (1 - _INT64, -1), (-5, 5), (-_INT64, _INT64 - 1)):
            await kv.set("n", b"%d" % start)
            equal(start + delta, await kv.increment("n", delta), f"{start} and {delta}")
            equal(b"%d" % (start + delta), await kv.get("n"), "the stored sum")
        for start, delta in ((-_INT64, -1), (1 - _INT64, -_INT64), (_INT64 - 1, _INT64 - 1)):
            await self._refuses(kv, b"%d" % start, delta)
        kind = (b" 5", b"5 ", b"5\n", b"\t5", b"1_000", b"1,000", b"0x10", b"1e3", b"5.0", b"-")
        for value in (*kind, "٣".encode(), b"5\0", b"--5", b"True", b"null", b"\xff"):
            await self._refuses(kv, value, 1)

    async def _refuses(self, kv: KV[bytes], value: bytes, delta: int) -> None:
        version = await kv.set("n", value)
        with refused(ConflictError, f"increment of {value!r} by {delta}"):
            await kv.increment("n", delta)
        entry = await kv.get_entry("n")
        found = None if entry is None else (entry.value, entry.version)
        equal((value, version), found, "value and version after the refused increment")

    @law(
        "KV-121", "An increment gives another version, and makes older ones stale.", needs=_COUNTER
    )
    async def increments_have_versions(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        seen: set[str] = set()
        for delta in (1, 1, 0, -2, 0):
            await kv.increment("n", delta)
            await self._is_new(kv, "n", seen)
        if KVFeature.COMPARE_AND_SET not in kv.pipeline.driver.features:
            return
        for stale in seen - {await self._version(kv, "n")}:
            with refused(ConflictError, "a write over a version from before an increment"):
                await kv.set("n", b"lost", if_version=stale)

    @law("KV-122", "A batch gives each of its keys another version.", needs=_BATCH)
    async def batches_have_versions(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        seen: dict[str, set[str]] = {"a": set(), "b": set()}
        for turn in range(6):
            await kv.set_many({"a": b"same", "b": b"same"})
            for key, versions in seen.items():
                await self._is_new(kv, key, versions)
            if turn % 2:
                await kv.delete_many(["a", "b"])

    async def _is_new(self, kv: KV[bytes], key: str, seen: set[str]) -> None:
        version = await self._version(kv, key)
        that(version and version not in seen, f"a version of {key!r} came twice")
        seen.add(version)

    async def _version(self, kv: KV[bytes], key: str) -> str:
        entry = await kv.get_entry(key)
        return "" if entry is None else entry.version

    @law(
        "KV-123",
        "Of concurrent creations one wins also where the key was deleted or expired before.",
        needs=_CAS,
        rung=Rung.CONCURRENCY,
    )
    async def one_creation_over_the_dead_wins(self, world: World[Any]) -> None:
        clients = [await kv_of(world) for _ in range(4)]
        mortal = KVFeature.TTL in clients[0].pipeline.driver.features
        for turn in range(3):
            await clients[0].set(f"deleted-{turn}", b"old")
            await clients[1].delete(f"deleted-{turn}")
            await clients[0].set(f"expired-{turn}", b"old", ttl=0.2 if mortal else None)
        await world.sleep(0.2 + _SLACK)
        for turn in range(3):
            await self._one_creates(clients, f"deleted-{turn}")
            if mortal:
                await self._one_creates(clients, f"expired-{turn}")

    async def _one_creates(self, clients: list[KV[bytes]], key: str) -> None:
        async def attempt(number: int) -> bytes | None:
            try:
                await clients[number % 4].set(key, b"%d" % number, if_absent=True)
            except AlreadyExistsError:
                return None
            return b"%d" % number

        won = [each for each in await asyncio.gather(*map(attempt, range(12))) if each is not None]
        equal(1, len(won), f"winners of 12 concurrent creations of {key}")
        equal(won[0], await clients[0].get(key), "the winner's value")

    @law("KV-124", "A long time to live is kept: months and years do not wrap round.", needs=_TTL)
    async def long_lives_are_kept(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        for days in (20, 25, 31, 50, 400, 3600):
            await kv.set("k", b"x", ttl=days * _DAY)
            entry = await kv.get_entry("k")
            left = None if entry is None else entry.expires_in
            near = left is not None and abs(left - days * _DAY) < 60
            that(near, f"of a life of {days} days {left} s are left at once")

    @law(
        "KV-125",
        "A write that is refused leaves value, version and end of life as they were.",
        needs=_TTL + _CAS,
    )
    async def refusals_change_nothing(self, world: World[Any]) -> None:
        kv = await kv_of(world)
        life = 5.0 if world.virtual else 3.0  # for many calls, on a busy machine too
        first = await kv.set("mortal", b"x", ttl=60)
        second = await kv.set("mortal", b"y", ttl=life)
        await kv.set("ever", b"y", ttl=life)
        third = await kv.set("ever", b"y")
        for key in ("mortal", "ever"):
            for ttl in (60.0, 0.3, None):
                with refused(ConflictError, "a stale version"):
                    await kv.set(key, b"lost", ttl=ttl, if_version=first)
                with refused(AlreadyExistsError, "a live key"):
                    await kv.set(key, b"lost", ttl=ttl, if_absent=True)
            with refused(ConflictError, "a delete of a stale version"):
                await kv.delete(key, if_version=first)
        for key, version in (("mortal", second), ("ever", third)):
            entry = await kv.get_entry(key)
            found = None if entry is None else (entry.value, entry.version)
            equal((b"y", version), found, f"{key!r} after refused writes")
        await world.sleep(life + _SLACK)
        equal(None, await kv.get("mortal"), "after its end, refused writes between")
        equal(b"y", await kv.get("ever"), "a key without end, after refused writes with one")

    @law(
        "KV-126",
        "A batch of any size, written or deleted, is all or nothing for every reader.",
        needs=_BATCH,
        rung=Rung.CONCURRENCY,
    )
    async def large_batches_are_atomic(self, world: World[Any]) -> None:
        writer, reader = await kv_of(world), await kv_of(world)
        limit = most_of(writer.pipeline.driver.limits)
        for size in (2, min(limit, 33), min(limit, 250)):
            names = [f"{size}-{number}" for number in range(size)]
            await writer.set_many(dict.fromkeys(names, b"0"))
            writing = asyncio.ensure_future(_rewritten(writer, names))
            while not writing.done():
                await asyncio.sleep(0)  # a driver may answer without awaiting
                await self._of_one_piece(reader, names)
            await writing

    async def _of_one_piece(self, reader: KV[bytes], names: list[str]) -> None:
        found = await reader.get_many(names)
        whole = len(found) in (0, len(names)) and len(set(found.values())) < 2
        that(whole, f"a reader saw a part of a batch of {len(names)}")
        # What was written together is there together: the last key with the first.
        last, first = await reader.get(names[-1]), await reader.get(names[0])
        if last is not None and first is not None:
            that(int(first) >= int(last), "a reader saw the end of a batch before its beginning")


async def _rewritten(writer: KV[bytes], names: Iterable[str]) -> None:
    for number in range(1, 7):
        await writer.set_many(dict.fromkeys(names, b"%d" % number))
        if number % 3 == 0:
            await writer.delete_many(names)
