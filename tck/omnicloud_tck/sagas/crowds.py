"""The laws of sagas about one that stands behind much else."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["CrowdLaws"]

_MANY = 44  # three kinds of them are more than those see who look at a hundred
_AT_ONCE = 22
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
            [Create("s", _state(f"ended-{number}", "COMPLETED")) for number in range(_MANY)],
            [Create("s", _state(f"leased-{n}"), "other", _LEASE) for n in range(_MANY)],
            [Create("s", _state(name)) for name in excluded],
            [Create("s", _state("free-1"))],
            [Create("s", _state("free-2"))],
        )
        for owner, expected in (("one", "free-1"), ("two", "free-2")):
            found = await _claimed(pipe, owner, excluded)
            equal([expected], found, f"claimed behind {3 * _MANY} that are not to be given")
        own: list[str] = []
        for _ in range(5):
            own += await _claimed(pipe, "worker", tuple(own))
        equal((5, 5), (len(own), len(set(own))), "claimed one by one, excluding what it has")


async def _created(pipe: Pipeline[Any], *several: list[Create]) -> None:
    for creates in several:
        for first in range(0, len(creates), _AT_ONCE):
            await asyncio.gather(*map(pipe.send, creates[first : first + _AT_ONCE]))


async def _claimed(pipe: Pipeline[Any], owner: str, excluded: tuple[str, ...]) -> list[str]:
    op = Claim("s", ("RUNNING",), owner, _LEASE, 1, None, excluded)
    return [record.saga_id for record in await pipe.send(op)]


def _state(name: str, status: str = "RUNNING") -> SagaRecord:
    return SagaRecord(name, status, None, (), b"{}", 0)
