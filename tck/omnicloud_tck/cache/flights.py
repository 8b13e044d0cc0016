"""The laws of claims: of many processes one loads a missing value."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.cache import CacheFeature
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Unclaim
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["FlightLaws"]

_FLIGHT = [CacheFeature.CROSS_PROCESS_FLIGHT]


class FlightLaws(Contract):
    """Claims, what fills them and what voids them."""

    @law(
        "CA-030",
        "A claim is one owner's, for its time, and only the owner's to end.",
        needs=_FLIGHT,
    )
    async def claims_are_exclusive(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        equal(True, await _did(one, Claim("k", "one", 1.0)), "claiming a free key")
        equal(False, await _did(two, Claim("k", "two", 1.0)), "claiming what another claimed")
        equal(True, await _did(two, Claim("k2", "two", 1.0)), "claiming another key")
        await two.send(Unclaim("k", "two"))
        equal(False, await _did(two, Claim("k", "two", 1.0)), "claiming, after ending another's")
        await world.sleep(0.6)
        equal(True, await _did(one, Claim("k", "one", 1.0)), "claiming again")
        await world.sleep(0.6)
        equal(False, await _did(two, Claim("k", "two", 1.0)), "claiming what was prolonged")
        await world.sleep(0.6)
        equal(True, await _did(two, Claim("k", "two", 1.0)), "claiming what has ended")
        await two.send(Unclaim("k", "two"))
        equal(True, await _did(one, Claim("k", "one", 1.0)), "claiming what was given up")
        equal(None, await _value(one, "k"), "a key that was claimed only")

    @law("CA-031", "Of concurrent claims one is granted.", needs=_FLIGHT, rung=Rung.CONCURRENCY)
    async def one_claim_is_granted(self, world: World[Any]) -> None:
        pipes = [await world.pipeline() for _ in range(3)]
        for round_ in range(8):
            ops = [Claim(f"k{round_}", f"owner {number}", 30.0) for number in range(9)]
            asked = [pipes[number % 3].send(op) for number, op in enumerate(ops)]
            equal(1, sum(await asyncio.gather(*asked)), "claims granted")

    @law(
        "CA-032",
        "What is filled is written with its time to live, and ends the claim.",
        needs=_FLIGHT,
    )
    async def filling_writes(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        life = 5.0 if world.virtual else 0.5
        for key, ttl in (("k", life), ("for ever", None)):
            await _did(one, Claim(key, "one", 30.0))
            equal(
                True, await _did(one, Fill(key, "one", b"loaded", ttl)), "filling what is claimed"
            )
            found = await _value(two, key)
            equal(b"loaded", found, "the filled value")
            equal(False, await _did(one, Fill(key, "one", b"again", ttl)), "filling a second time")
            equal(True, await _did(two, Claim(key, "two", 0.2)), "claiming what was filled")
        found = await _value(two, "k")
        equal(b"loaded", found, "the value after a fill without a claim")
        await world.sleep(life + 0.15)
        equal(None, await _value(two, "k"), "what was filled, after its time to live")
        found = await _value(two, "for ever")
        equal(b"loaded", found, "what was filled for ever")

    @law(
        "CA-033",
        "What was loaded before a change, or too slowly, is not stored.",
        needs=_FLIGHT,
        rung=Rung.CONCURRENCY,
    )
    async def stale_loads_are_not_stored(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        changes: dict[str, Any] = {"set": Set("set", b"new"), "delete": Delete("delete")}
        if CacheFeature.CLEAR in one.driver.features:
            changes["clear"] = Clear("cle")
        for key, change in changes.items():
            equal(True, await _did(one, Claim(key, "one", 30.0)), "claiming")
            await two.send(change)
            equal(False, await _did(one, Fill(key, "one", b"old")), f"filling after a {key}")
            found = await _value(two, key)
            equal(b"new" if key == "set" else None, found, f"after a {key}")
        equal(False, await _did(one, Fill("never", "one", b"old")), "filling what was not claimed")
        await _did(one, Claim("slow", "one", 0.3))
        await _did(one, Claim("passed", "one", 0.3))
        await world.sleep(0.45)
        equal(False, await _did(one, Fill("slow", "one", b"old")), "filling after the claim ended")
        await _did(two, Claim("passed", "two", 30.0))
        equal(False, await _did(one, Fill("passed", "one", b"old")), "filling another's claim")
        await one.send(Unclaim("passed", "one"))
        equal(True, await _did(two, Fill("passed", "two", b"new")), "filling the own claim")
        for key in ("never", "slow"):
            equal(None, await _value(two, key), "what was not stored")

    @law("CA-034", "Two tenants claim one name apart.", needs=_FLIGHT, rung=Rung.TRUST)
    async def tenants_claim_apart(self, world: World[Any]) -> None:
        pipes = [await world.pipeline(Scoping(tenant)) for tenant in ("acme", "other", None)]
        for number, pipe in enumerate(pipes):
            equal(True, await _did(pipe, Claim("k", f"{number}", 30.0)), "a tenant's claim")
        for number, pipe in enumerate(pipes):
            equal(True, await _did(pipe, Fill("k", f"{number}", b"%d" % number)), "its fill")
        for number, pipe in enumerate(pipes):
            found = await _value(pipe, "k")
            equal(b"%d" % number, found, "its value")

    @law(
        "CA-035",
        "However many ask, in however many processes, one loads.",
        needs=_FLIGHT,
        rung=Rung.CONCURRENCY,
    )
    async def one_loads(self, world: World[Any]) -> None:
        caches = [await self.portable(world) for _ in range(3)]
        loads: list[str] = []

        async def load() -> bytes:
            loads.append("load")
            await world.sleep(0.3)
            return b"loaded"

        asked = [caches[number % 3].get_or_load("k", load, 60) for number in range(12)]
        equal([b"loaded"] * 12, await asyncio.gather(*asked), "answers")
        equal(["load"], loads, "loads")
        await caches[0].delete("k")
        equal(b"loaded", await caches[1].get_or_load("k", load), "the value after a deletion")
        equal(2, len(loads), "loads after a deletion")

    @law(
        "CA-036", "A loader's error is told, and the next one to ask loads at once.", needs=_FLIGHT
    )
    async def errors_free_the_key(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        with refused(ArithmeticError, "a loader that fails"):
            await one.get_or_load("k", _fail)
        started = world.clock.monotonic()
        equal(b"loaded", await two.get_or_load("k", _load), "the next to ask")
        equal(True, world.clock.monotonic() - started < 5.0, "it loads at once")
        equal(b"loaded", await one.get("k"), "what it stored")


async def _did(pipe: Pipeline[Any], op: Claim | Fill) -> bool:
    return await pipe.send(op)


async def _value(pipe: Pipeline[Any], key: str) -> bytes | None:
    found = await pipe.send(Get(key))
    return None if found is None else found.value


async def _fail() -> bytes:
    raise ArithmeticError("on purpose")


async def _load() -> bytes:
    return b"loaded"
