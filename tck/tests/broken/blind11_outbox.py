"""Outbox drivers that count a claim from the wrong moment, or number what is not saved."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.outbox.driver import Claim, Fail, Save
from omnicloud.contracts.outbox.models import EventRecord, NewEvent
from omnicloud.memory.outbox import MemoryOutbox, _claimable, _moments
from omnicloud.memory.store import MemoryStore, MemoryTransaction
from omnicloud_tck.outbox import OutboxContract


@broken("BLIND11-OX-01", "T3", "claims begin with the long poll", OutboxContract)
class ClaimFromPoll(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        leased, until = self._now() + op.lease, self._now() + op.wait
        while True:
            await self._turn()
            now, rows = self._now(), self._rows("open", op.space)
            found = _claimable(rows, now, op.most)
            for row in found:
                rows[row.event.event_id] = replace(row, owner=op.owner, claimed_until=leased)
            if found or now >= until:
                return tuple(row.record() for row in found)
            wake = min((moment for moment in _moments(rows) if moment > now), default=until)
            await self._store.changed(min(wake, until) - now)


@broken("BLIND11-OX-02", "T3", "what failed waits from its claim on", OutboxContract)
class DelayFromClaim(MemoryOutbox):
    def __init__(
        self,
        store: MemoryStore,
        namespace: str = "",
        *,
        transaction: MemoryTransaction | None = None,
    ) -> None:
        super().__init__(store, namespace, transaction=transaction)
        self._given: dict[str, float] = {}

    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        found = await super().claim(op)
        self._given |= dict.fromkeys((one.event_id for one in found), self._now())
        return found

    async def fail(self, op: Fail, /) -> None:
        gone = self._now() - self._given.get(op.event_id, self._now())
        await super().fail(replace(op, delay=max(0.0, op.delay - gone)))


class _Marks(MemoryOutbox):
    """Notes in one request what it saves in the next."""

    async def save(self, op: Save, /) -> None:
        if self._transaction is not None:
            await super().save(op)
            return
        await self._turn()
        noted = self._noted(op)
        await self._turn()
        if noted:
            self._add(op.space, op.event)
        self._tell()

    def _noted(self, op: Save) -> bool:
        """Whether no other request noted it before."""
        noted = self._rows("noted", op.space)
        first = op.event.event_id not in noted
        noted[op.event.event_id] = True
        return first


@broken("BLIND11-OX-11", "T3", "an event's id is remembered before it", OutboxContract)
class IdFirst(_Marks):
    pass


@broken("BLIND11-OX-12", "T3", "an event is numbered before it is saved", OutboxContract)
class NumberFirst(_Marks):
    def _noted(self, op: Save) -> bool:
        known = (self._rows("open", op.space), self._rows("done", op.space))
        key = op.event.aggregate_key
        if key is not None and not any(op.event.event_id in rows for rows in known):
            numbers = self._rows("numbers", op.space)
            numbers[key] = numbers.get(key, 0) + 1
        return True

    def _add(self, space: str, event: NewEvent) -> None:
        key, numbers = event.aggregate_key, self._rows("numbers", space)
        new = not any(event.event_id in self._rows(table, space) for table in ("open", "done"))
        if key is not None and new and self._transaction is None:
            numbers[key] -= 1
        super()._add(space, event)
