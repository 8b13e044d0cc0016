"""The laws of the cache about claims: of no whole number of seconds, and beside a name's kin."""

from __future__ import annotations

from functools import partial
from typing import Any

from omnicloud.contracts.cache import CacheFeature
from omnicloud.contracts.cache.driver import Claim, Fill, Get, Set
from omnicloud.contracts.cache.models import Cached
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.early import FRACTIONS, Ending, none_early
from omnicloud_tck.kin import kin_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["ClaimKinLaws"]

_FLIGHT = [CacheFeature.CROSS_PROCESS_FLIGHT]
_LONG = 60.0


class ClaimKinLaws(Contract):
    """A claim is of one key, and of its time."""

    @law(
        "CA-154",
        "A claim of no whole number of seconds is kept to its end, also where it is prolonged.",
        needs=_FLIGHT,
        rung=Rung.RESILIENCE,
    )
    async def claims_are_kept_to_their_end(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        endings: list[Ending] = []
        for before in (None, 0.7, _LONG):
            for seconds in FRACTIONS:
                key = f"{before} {seconds}"
                if before is not None:
                    await _claims(one, key, "one", before)
                until = world.clock.monotonic() + seconds
                if await _claims(one, key, "one", seconds):
                    over = partial(_claims, two, key, "two", _LONG)
                    endings.append(Ending(until, over, f"a claim for {seconds} s"))
        await none_early(world, endings)

    @law(
        "CA-155",
        "A claim keeps no other key from being claimed, written or read, however alike it is.",
        needs=_FLIGHT,
    )
    async def claims_are_of_one_key(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        key, *kin = kin_of("k")
        equal(True, await _claims(one, key, "one", _LONG), "claiming a free key")
        for other in kin:
            equal(None, await _value(two, other), f"{other!r}, beside a claim of {key!r}")
            await two.send(Set(other, other.encode()))
        for other in kin:
            equal(other.encode(), await _value(one, other), f"{other!r}, beside a claim")
        equal(False, await _claims(two, key, "two", _LONG), "claiming what is claimed")
        for other in kin_of("n"):
            granted = await _claims(two, other, "two", _LONG)
            equal(True, granted, f"claiming {other!r} beside others")
        filled = await one.send(Fill(key, "one", b"filled"))
        equal(True, filled, "filling what is claimed, its kin written")


async def _claims(pipe: Pipeline[Any], key: str, owner: str, seconds: float) -> bool:
    return await pipe.send(Claim(key, owner, seconds))


async def _value(pipe: Pipeline[Any], key: str) -> bytes | None:
    entry: Cached | None = await pipe.send(Get(key))
    return None if entry is None else entry.value
