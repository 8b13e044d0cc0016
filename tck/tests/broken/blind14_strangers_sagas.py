"""Sagas that are looked for further than in the space that was named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract


class _AnySpace(MemorySagas):
    def _others(self, space: str) -> list[str]:
        return [
            place[2]  # type: ignore[index]
            for place in list(self._store._tables)
            if place[:2] == ("sagas", self._namespace) and place[2] != space  # type: ignore[index]
        ]

    def _where(self, space: str, known: Callable[[Any], bool]) -> str:
        """The space in which it is: the one that was named, or another."""
        for name in (space, *self._others(space)):
            if any(known(row) for row in self._rows(name).values()):
                return name
        return space


@broken("BLIND14-SA-01", "T4", "a saga is claimed by its id in any space", SagaContract)
class ClaimsNamedAnywhere(_AnySpace):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        where = self._where(op.space, lambda row: row.record.saga_id == op.saga_id)
        return await super().claim(replace(op, space=where))


@broken("BLIND14-SA-02", "T4", "a lease is an owner's and an id's, in any space", SagaContract)
class KeepsLeaseAnywhere(_AnySpace):
    async def keep(self, op: Keep, /) -> bool:
        own = await super().keep(op)
        found = [
            await super(_AnySpace, self).keep(replace(op, space=s)) for s in self._others(op.space)
        ]
        return own or any(found)


@broken("BLIND14-SA-03", "T4", "a saga that ended is known by its id to all spaces", SagaContract)
class EndedAreKnownToAll(_AnySpace):
    async def create(self, op: Create, /) -> None:
        for space in self._others(op.space):
            row = self._rows(space).get(op.state.saga_id)
            if row is not None and row.record.status != "RUNNING":
                raise SagaStateConflictError("there is a saga of that id")
        await super().create(op)


@broken("BLIND14-SA-04", "T4", "an update finds its saga by id and version", SagaContract)
class UpdatesByVersion(_AnySpace):
    async def update(self, op: Update, /) -> int:
        rows = self._rows(op.space)
        row = rows.get(op.state.saga_id)
        if row is not None and row.record.version == op.state.version:
            return await super().update(op)
        same = (op.state.saga_id, op.state.version)
        where = self._where(op.space, lambda row: (row.record.saga_id, row.record.version) == same)
        return await super().update(replace(op, space=where))


@broken("BLIND14-SA-05", "T4", "what is leased in another space is not claimed here", SagaContract)
class LeasesOfAllSpaces(_AnySpace):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        now = self._now()
        busy = [
            row.record.saga_id
            for space in self._others(op.space)
            for row in self._rows(space).values()
            if row.leased_until > now and row.owner != op.owner
        ]
        return await super().claim(replace(op, excluded=(*op.excluded, *busy)))


@broken("BLIND14-SA-06", "T4", "a saga is got from an archive of all services", SagaContract)
class ArchiveOfAll(MemorySagas):
    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await super().get(op)
        if found is not None:
            return found
        for place, rows in list(self._store._tables.items()):
            if place[0] == "sagas" and op.saga_id in rows:  # type: ignore[index]
                record: SagaRecord = rows[op.saga_id].record
                if record.status != "RUNNING" and place[2] == op.space:  # type: ignore[index]
                    return record
        return None
