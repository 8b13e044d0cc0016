"""The law of sagas about names of which a careless join makes one."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.seams import Pair, pairs
from omnicloud_tck.world import World

__all__ = ["JoinedLaws"]

_LEASE = 60.0


class JoinedLaws(Contract):
    """A space and what is in it are two names."""

    @law("SA-153", "Spaces with ids of which a join makes one are apart.", rung=Rung.TRUST)
    async def joined_names_stay_apart(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for both in pairs(every=world.virtual):
            for pair in both:
                await one.send(Create(pair.outer, _record(pair)))
            for pair in both:
                found = await two.send(Get(pair.outer, pair.inner))
                equal(_record(pair).payload, found and found.payload, f"the payload of {pair}")
            for number, pair in enumerate(both):
                ask = Claim(pair.outer, ("RUNNING",), f"w{number}", _LEASE, 1, pair.inner)
                claimed: tuple[SagaRecord, ...] = await two.send(ask)
                equal(1, len(claimed), f"sagas claimed of {pair}")
            for number, pair in enumerate(both):
                kept = await one.send(Keep(pair.outer, pair.inner, f"w{number}", _LEASE))
                equal(True, kept, f"whether the lease of {pair} is kept")


def _record(pair: Pair) -> SagaRecord:
    return SagaRecord(pair.inner, "RUNNING", None, (), b'"%s"' % repr(pair).encode(), 0)
