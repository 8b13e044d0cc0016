"""Outbox drivers that do a hundred of many, or remember what was rolled back."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.outbox.driver import Keep, Mark, Requeue, Save
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.outbox import OutboxContract

_CHUNK = 100


@broken("B8-OX13", "T3", "of more than 100 claims kept at once the rest ends", OutboxContract)
class KeepsAHundred(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await super().keep(replace(op, event_ids=op.event_ids[:_CHUNK]))


@broken("B8-OX14", "T1", "of more than 100 events marked at once the rest waits", OutboxContract)
class MarksAHundred(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await super().mark(replace(op, event_ids=op.event_ids[:_CHUNK]))


@broken("B8-OX15", "T2", "an event whose saving was rolled back is taken for known", OutboxContract)
class RolledBackIsKnown(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        seen = self._store.rows(("seen", self._namespace, op.space))
        if self._transaction is not None and op.event.event_id in seen:
            await self._turn()
            return
        await super().save(op)
        if self._transaction is not None:
            seen[op.event.event_id] = True


@broken("B8-OX16", "T2", "what was marked and rolled back is never marked", OutboxContract)
class MarkedOnce(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        seen = self._store.rows(("marked", self._namespace, op.space))
        ids = tuple(name for name in op.event_ids if name not in seen)
        await super().mark(replace(op, event_ids=ids))
        if self._transaction is not None:
            done = self._rows("done", op.space)
            seen.update({name: True for name in ids if name in done})


@broken("B8-OX03", "T1", "a requeued event without an aggregate goes to the end", OutboxContract)
class RequeuedLast(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        rows = self._rows("open", op.space)
        if done and rows[op.event_id].event.aggregate_key is None:
            row = rows.pop(op.event_id)
            rows[op.event_id] = replace(row, number=self._store.number())
        return done
