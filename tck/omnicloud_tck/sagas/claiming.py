"""How a law claims sagas: a driver may give fewer at once than it could."""

from __future__ import annotations

from dataclasses import replace

from omnicloud.contracts.sagas.driver import Claim, SagaDriver
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.pipeline import Pipeline

__all__ = ["claimed"]


async def claimed(pipe: Pipeline[SagaDriver], op: Claim) -> tuple[SagaRecord, ...]:
    """All that a claim's owner is given, however few at a time; none of it twice."""
    found: tuple[SagaRecord, ...] = ()
    while len(found) < op.most:
        ids = (record.saga_id for record in found)
        rest = replace(op, most=op.most - len(found), excluded=(*op.excluded, *ids))
        more = await pipe.send(rest)
        if not more:
            break
        found += more
    return found
