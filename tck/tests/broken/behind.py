"""Drivers as ours once were: a list that ends behind what left it, an upsert of what none holds."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Update
from omnicloud.contracts.documents.models import Document, UpdateResult
from omnicloud.contracts.outbox.driver import ListEvents
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.outbox import OutboxContract


def outbox(number: str, tier: str, summary: str) -> Any:
    return broken(f"BEHIND-OX-{number}", tier, summary, OutboxContract)


@outbox("01", "T1", "a list that is to go on behind an event that was marked meanwhile ends")
class EndsThere(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        listed = await super().list_events(ListEvents(op.space, op.status, None, True, None, 10**9))
        known = op.after is None or op.after in {record.event_id for record in listed}
        return await super().list_events(op) if known else ()


@outbox("02", "T1", "a list that is to go on behind an event that was marked meanwhile begins anew")
class BeginsAnew(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        every = ListEvents(op.space, op.status, op.aggregate_key, op.every, None, op.limit)
        listed = await super().list_events(ListEvents(op.space, op.status, None, True, None, 10**9))
        known = op.after is None or op.after in {record.event_id for record in listed}
        return await super().list_events(op if known else every)


@outbox(
    "03", "T1", "a list goes on so many events behind its beginning, whatever left it meanwhile"
)
class ByCount(MemoryOutbox):
    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        told = self.__dict__.setdefault("_told", {})
        skipped = 0 if op.after is None else told.get(op.after)
        if skipped is None:
            return await super().list_events(op)
        every = ListEvents(op.space, op.status, op.aggregate_key, op.every, None, 10**9)
        found = (await super().list_events(every))[skipped : skipped + op.limit]
        told.update({one.event_id: skipped + place for place, one in enumerate(found, 1)})
        return found


@broken(
    "BEHIND-DO-01",
    "T1",
    "an upsert by a literal stores a value that no insert takes",
    DocumentsContract,
)
class StoresLiterals(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        try:
            return await super().update(op)
        except InvalidArgumentError:
            if op.upsert_id is None or op.changes[0].path != ("m",):
                raise
            document: Document = {"_id": op.upsert_id, "name": {"$ne": "x"}}
            return self._upsert(op.collection, document)
