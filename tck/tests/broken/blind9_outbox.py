"""Outbox drivers that count what is not saved yet, forget attempts, and tell what they refuse."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.outbox.driver import Claim, Lag, Save
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, OutboxLag
from omnicloud.errors import ConflictError
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract


@broken("BLIND9-OX-01", "T2", "the lag counts events of open transactions", OutboxContract)
class CountsDirty(MemoryOutbox):
    async def lag(self, op: Lag, /) -> OutboxLag:
        found = await super().lag(op)
        transaction = self._store._transaction
        table = ("outbox", self._namespace, "open", op.space)
        if transaction is None or table not in transaction._tables:
            return found
        rows = transaction._tables[table].values()
        pending = sum(row.status is EventStatus.PENDING for row in rows)
        return replace(found, pending=pending)


@broken("BLIND9-OX-02", "T4", "the refusal of an ended transaction has its row", OutboxContract)
class TellsTheRow(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        try:
            await super().save(op)
        except ConflictError as error:
            cause = RuntimeError(f"INSERT INTO outbox VALUES (%s) [{op.event.payload!r}]")
            raise ConflictError(str(error)) from cause


@broken("BLIND9-OX-03", "T3", "attempts begin anew when a claim lapses", OutboxContract)
class ForgetsAttempts(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        await self._turn()
        rows = self._rows("open", op.space)
        for name, row in list(rows.items()):
            if row.claimed_until and row.claimed_until <= self._now():
                rows[name] = replace(row, attempts=0)
        return await super().claim(op)
