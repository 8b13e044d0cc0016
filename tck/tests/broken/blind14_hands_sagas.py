"""Drivers in which a verb by hand on one saga changes the leases of it and of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.sagas.driver import Claim, Create, Keep, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.sagas import SagaContract


class _ByHand(MemorySagas):
    def _others_of(self, space: str, owner: str) -> Iterator[tuple[str, Any]]:
        for saga_id, row in list(self._rows(space).items()):
            if row.owner == owner and row.leased_until > self._now():
                yield saga_id, row


@broken("BLIND14-SA-18", "T3", "an update by hand to another status ends the lease", SagaContract)
class NewStatusEndsLease(MemorySagas):
    async def update(self, op: Update, /) -> int:
        before = self._rows(op.space).get(op.state.saga_id)
        version = await super().update(op)
        rows = self._rows(op.space)
        if before is not None and before.record.status != op.state.status:
            row = rows[op.state.saga_id]
            rows[op.state.saga_id] = replace(row, owner="", leased_until=0.0)
        return version


@broken("BLIND14-SA-19", "T3", "a lease given free frees all of its owner", SagaContract)
class FreesAllOfOwner(_ByHand):
    async def keep(self, op: Keep, /) -> bool:
        done = await super().keep(op)
        if done and op.lease == 0:
            for saga_id, row in self._others_of(op.space, op.owner):
                self._rows(op.space)[saga_id] = replace(row, leased_until=0.0)
        return done


@broken("BLIND14-SA-20", "T3", "a lease shortened by hand ends when it was to end", SagaContract)
class ShortenedStays(_ByHand):
    async def keep(self, op: Keep, /) -> bool:
        row = self._rows(op.space).get(op.saga_id)
        done = await super().keep(op)
        if done and row is not None and row.record.version > 1 and op.lease:
            rows = self._rows(op.space)
            until = max(row.leased_until, rows[op.saga_id].leased_until)
            rows[op.saga_id] = replace(rows[op.saga_id], leased_until=until)
        return done


@broken("BLIND14-SA-21", "T3", "a leased saga that is updated begins its lease anew", SagaContract)
class UpdateProlongs(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        version = await super().update(op)
        if row is not None and row.leased_until > self._now():
            rows = self._rows(op.space)
            until = max(row.leased_until, self._now() + 60.0)
            rows[op.state.saga_id] = replace(rows[op.state.saga_id], leased_until=until)
        return version


@broken("BLIND14-SA-22", "T3", "a lease that ended is its owner's after an update", SagaContract)
class UpdateRevives(MemorySagas):
    async def update(self, op: Update, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        version = await super().update(op)
        if row is not None and row.owner and row.leased_until <= self._now():
            rows = self._rows(op.space)
            until = self._now() + 30.0
            rows[op.state.saga_id] = replace(rows[op.state.saga_id], leased_until=until)
        return version


@broken("BLIND14-SA-23", "T3", "a refused creation leases the saga that is there", SagaContract)
class RefusedLeases(MemorySagas):
    async def create(self, op: Create, /) -> None:
        rows = self._rows(op.space)
        row = rows.get(op.state.saga_id)
        if row is not None and op.owner is not None and row.leased_until <= self._now():
            until = self._now() + op.lease
            rows[op.state.saga_id] = replace(row, owner=op.owner, leased_until=until)
        await super().create(op)


@broken("BLIND14-SA-24", "T3", "a saga claimed by its id keeps others from the claim", SagaContract)
class NamedClaimHolds(MemorySagas):
    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        found = await super().claim(op)
        if op.saga_id is not None and found:
            self._store.rows(("named", self._namespace, op.space))[op.owner] = self._now() + 5.0
        elif op.saga_id is None and found:
            named = self._store.rows(("named", self._namespace, op.space))
            if any(until > self._now() for owner, until in named.items() if owner != op.owner):
                for record in found:
                    await self.keep(Keep(op.space, record.saga_id, op.owner, 0.0))
                return ()
        return found
