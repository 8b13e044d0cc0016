"""Drivers that keep what has a name in two parts under one, joined from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import Rows
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract


# clause: "events of one space are unseen in another"
# app: spaces and aggregates with colons
@broken("B7-OX-61", "T4", "numbers are kept by space:aggregate", OutboxContract)
class JoinsAggregates(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        joined = self._store.rows(("joined", self._namespace))
        last = joined.get(f"{space}:{event.aggregate_key}", 0)
        if event.aggregate_key is not None:
            numbers = self._rows("numbers", space)
            numbers[event.aggregate_key] = max(last, numbers.get(event.aggregate_key, 0))
        super()._add(space, event)
        if event.aggregate_key is not None:
            joined[f"{space}:{event.aggregate_key}"] = numbers[event.aggregate_key]


# clause: "sagas of one space are unseen in another"
# app: spaces and ids with slashes
@broken("B7-SA-61", "T4", "sagas are kept by space/id", SagaContract)
class JoinsIds(MemorySagas):
    def _rows(self, space: str) -> Rows:
        return _Joined(space, self._store.rows(("sagas", self._namespace)))


class _Joined(dict[Any, Any]):
    """The rows of one space among those of all, by their joined names."""

    def __init__(self, space: str, rows: Rows) -> None:
        start = f"{space}/"
        super().__init__(
            {
                name.removeprefix(start): replace(
                    row, record=replace(row.record, saga_id=name.removeprefix(start))
                )
                for name, row in rows.items()
                if name.startswith(start)
            }
        )
        self._start, self._all = start, rows

    def __setitem__(self, saga_id: str, row: Any) -> None:
        super().__setitem__(saga_id, row)
        self._all[self._start + saga_id] = row
