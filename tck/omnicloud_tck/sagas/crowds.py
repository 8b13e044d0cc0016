"""The laws of sagas about one that stands behind much else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from omnicloud.contracts.sagas import SagaFeature, SagaState, SagaStates
from omnicloud.contracts.sagas.driver import Claim, Create, Keep, Update
from omnicloud.contracts.sagas.models import JSON, SagaRecord
from omnicloud.contracts.sagas.portable import SPACE, to_state
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.sagas.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["CrowdLaws"]

_MANY = 110  # more than those see, or leave out, who look at a hundred
_FEW = 20
_AT_ONCE = 22
_OFTEN = 32
_LARGE, _SOME = 300_000, 5  # more than a megabyte together, which ends a page of some stores
_LEASE = 60.0


class CrowdLaws(Contract):
    """A claim finds what is free, whatever stands before it."""

    @law(
        "SA-155",
        "However many ended, leased or excluded sagas stand before it, a free one is claimed.",
    )
    async def many_hide_no_other(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        excluded = tuple(f"excluded-{number}" for number in range(_MANY))
        await _created(
            pipe,
            [Create("s", _state(f"ended-{number}", "COMPLETED")) for number in range(_FEW)],
            [Create("s", _state(f"leased-{n}"), "other", _LEASE) for n in range(_FEW)],
            [Create("s", _state(name)) for name in excluded],
            [Create("s", _state("free-1"))],
            [Create("s", _state("free-2"))],
        )
        for owner, expected in (("one", "free-1"), ("two", "free-2")):
            found = await _claimed(pipe, owner, excluded)
            equal([expected], found, f"claimed behind {_MANY + 2 * _FEW} that are not to be given")
        own: list[str] = []
        for _ in range(5):
            own += await _claimed(pipe, "worker", tuple(own))
        equal((5, 5), (len(own), len(set(own))), "claimed one by one, excluding what it has")

    @law("SA-156", "A lease is kept, and a saga changed, however often.")
    async def leases_have_no_end(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await one.send(Create("s", _state("s"), "one", _LEASE))
        for turn in range(_OFTEN):
            kept: bool = await one.send(Keep("s", "s", "one", _LEASE))
            equal(True, kept, f"keeping a lease that was kept {turn} times")
            version: int = await one.send(Update("s", replace(_state("s"), version=turn + 1)))
            equal(turn + 2, version, "the version after an update")
        equal([], await _claimed(two, "two", ()), "claimed by another meanwhile")
        freed: bool = await one.send(Keep("s", "s", "one", 0.0))
        equal(True, freed, "giving it free")
        equal(["s"], await _claimed(two, "two", ()), "claimed once it was given free")

    @law("SA-157", "However large sagas are together, each is listed and claimed, whole.")
    async def large_sagas_are_whole(self, world: World[Any]) -> None:
        states = SagaStates(await world.pipeline())
        size = min(_LARGE, states.pipeline.driver.limits.payload_max_bytes - 20)
        given: dict[str, JSON] = {f"large-{n}": {"n": str(n) * size} for n in range(_SOME)}
        for name, payload in given.items():
            await states.create_state(SagaState(name, "RUNNING", None, [], payload))
        if SagaFeature.LIST in states.pipeline.driver.features:
            listed = {one.saga_id: one.payload async for one in states.list("RUNNING")}
            equal(given, listed, f"sagas of {size} bytes, listed")
        op = Claim(SPACE, ("RUNNING",), "one", _LEASE, _SOME)
        found = {one.saga_id: one for one in await claimed(states.pipeline, op)}
        equal(sorted(given), sorted(found), f"sagas of {size} bytes, claimed")
        for name, record in found.items():
            equal(given[name], to_state(record).payload, "the payload of a saga that is claimed")


async def _created(pipe: Pipeline[Any], *several: list[Create]) -> None:
    for creates in several:
        for first in range(0, len(creates), _AT_ONCE):
            await asyncio.gather(*map(pipe.send, creates[first : first + _AT_ONCE]))


async def _claimed(pipe: Pipeline[Any], owner: str, excluded: tuple[str, ...]) -> list[str]:
    op = Claim("s", ("RUNNING",), owner, _LEASE, 1, None, excluded)
    return [record.saga_id for record in await pipe.send(op)]


def _state(name: str, status: str = "RUNNING") -> SagaRecord:
    return SagaRecord(name, status, None, (), b"{}", 0)
