"""The law of sagas about names of which a careless join makes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.longest import longest
from omnicloud_tck.seams import Pair, pairs
from omnicloud_tck.world import World

__all__ = ["JoinedLaws"]

Pipe = Pipeline[Any]

_LEASE = 60.0


class JoinedLaws(Contract):
    """A space and what is in it are two names."""

    @law("SA-153", "Spaces with ids of which a join makes one are apart.", rung=Rung.TRUST)
    async def joined_names_stay_apart(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for both in pairs(every=world.virtual):
            await _stay_apart(one, two, both)

    @law(
        "SA-163",
        "The longest spaces and ids of the tenants with the longest names are apart by their ends.",
        rung=Rung.TRUST,
    )
    async def the_longest_stay_apart(self, world: World[Any]) -> None:
        names, (one, two) = await longest(world)
        if names:
            await _stay_apart(one, two, names)


async def _stay_apart(one: Pipe, two: Pipe, names: Sequence[Pair]) -> None:
    """Keep a saga under all of these names at once, and look at each."""
    owners = [f"w{number}" for number in range(len(names))]
    for pair in names:
        await one.send(Create(pair.outer, _record(pair)))
    for pair in names:
        found = await two.send(Get(pair.outer, pair.inner))
        equal(_record(pair).payload, found and found.payload, f"the payload of {_short(pair)}")
    for pair, owner in zip(names, owners, strict=True):
        ask = Claim(pair.outer, ("RUNNING",), owner, _LEASE, 1, pair.inner)
        claimed: tuple[SagaRecord, ...] = await two.send(ask)
        equal(1, len(claimed), f"sagas claimed of {_short(pair)}")
    for pair, owner in zip(names, owners, strict=True):
        strange = owners[owners.index(owner) - 1]
        kept = await two.send(Keep(pair.outer, pair.inner, strange, _LEASE))
        equal(False, kept, f"whether another's lease of {_short(pair)} is kept")
        kept = await one.send(Keep(pair.outer, pair.inner, owner, _LEASE))
        equal(True, kept, f"whether the lease of {_short(pair)} is kept")


def _short(pair: Pair) -> str:
    return f"{pair.outer[-20:]!r} and {pair.inner[-20:]!r}"


def _record(pair: Pair) -> SagaRecord:
    return SagaRecord(pair.inner, "RUNNING", None, (), b'"%s"' % repr(pair).encode(), 0)
