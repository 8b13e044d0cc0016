"""A plain reading of sagas: each with its version, its lease, and when it was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from omnicloud.contracts.sagas.driver import Claim
from omnicloud.contracts.sagas.models import SagaRecord

__all__ = ["Saga", "Sagas"]


@dataclass(slots=True)
class Saga:
    """A saga, that was made between ``asked`` and ``made``; these and ``until`` are monotonic."""

    record: SagaRecord
    asked: float
    made: float
    owner: str = ""
    until: float = 0.0

    def is_leased(self, now: float) -> bool:
        """Whether somebody has it."""
        return self.until > now


@dataclass(slots=True)
class Sagas:
    """All sagas of a space by their ids."""

    rows: dict[str, Saga] = field(default_factory=dict)

    def of(self, status: str, after: str | None) -> list[SagaRecord]:
        """Those of a status by code points of their ids."""
        records = (row.record for row in self.rows.values())
        found = [one for one in records if one.status == status]
        found.sort(key=lambda one: [ord(char) for char in one.saga_id])
        return [one for one in found if after is None or one.saga_id > after]

    def asked(self, op: Claim, now: float) -> tuple[list[Saga], list[Saga]]:
        """Those that a claim asks for: free ones, and the owner's own."""
        wanted = [
            row
            for row in self.rows.values()
            if row.record.status in op.statuses
            and row.record.saga_id not in op.excluded
            and (op.saga_id is None or row.record.saga_id == op.saga_id)
        ]
        free = [row for row in wanted if not row.is_leased(now)]
        own = [row for row in wanted if row.is_leased(now) and row.owner == op.owner]
        return free, own
