"""Documents, sagas and outboxes that only many interleavings of several clients show wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Delete, Find, Insert, Replace, Update
from omnicloud.contracts.documents.models import DocumentPage, UpdateResult
from omnicloud.contracts.outbox.driver import Claim, Keep, Mark, Save
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.sagas.driver import Create, Get
from omnicloud.contracts.sagas.driver import Update as Advance
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.outbox import MemoryOutbox, _Row
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract


def documents(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, DocumentsContract)


@documents("HDO01", "an insertion after a deletion looks, awaits, then writes")
class InsertsOverTheDead(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        gone = self._store.__dict__.setdefault("_wrong_gone", set())
        if op.document["_id"] not in gone:
            return await super().insert(op)
        await self._turn()
        if op.document["_id"] in self._rows(op.collection):
            return await super().insert(op)
        await asyncio.sleep(0)
        return str(self._write(op.collection, dict(op.document)))

    async def delete(self, op: Delete, /) -> bool:
        row = self._first(op.collection, op.filter, None)
        if row is not None:
            self._store.__dict__.setdefault("_wrong_gone", set()).add(row.document["_id"])
        return await super().delete(op)


@documents("HDO02", "two deletions at once both say that they deleted it")
class DeletesTwice(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is not None or self._transaction is not None:
            return await super().delete(op)
        await self._turn()
        row = self._first(op.collection, op.filter, None)
        await asyncio.sleep(0)
        if row is not None:
            self._rows(op.collection).pop(row.document["_id"], None)
        return row is not None


@documents("HDO03", "a deletion over a version checks it, awaits, then deletes")
class DeletesBlindly(MemoryDocuments):
    async def delete(self, op: Delete, /) -> bool:
        if op.if_version is None:
            return await super().delete(op)
        await self._turn()
        self._first(op.collection, op.filter, op.if_version)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await super().delete(replace(op, if_version=None))


@documents("HDO04", "a replacement over a version checks it, awaits, then replaces")
class ReplacesBlindly(MemoryDocuments):
    async def replace(self, op: Replace, /) -> UpdateResult:
        if op.if_version is None:
            return await super().replace(op)
        await self._turn()
        self._first(op.collection, op.filter, op.if_version)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await super().replace(replace(op, if_version=None))


@documents("HDO05", "an upsert of what is not there overwrites what came meanwhile")
class UpsertsBlindly(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        if op.upsert_id is None:
            return await super().update(op)
        await self._turn()
        if self._first(op.collection, op.filter, None) is not None:
            return await super().update(op)
        await asyncio.sleep(0)
        self._rows(op.collection).pop(op.upsert_id, None)
        return await super().update(op)


@documents("HDO06", "an update that is cancelled while it is answered is sent again")
class UpdatesAgain(MemoryDocuments):
    async def update(self, op: Update, /) -> UpdateResult:
        done = await super().update(op)
        if op.if_version is not None or self._transaction is not None:
            return done
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await super().update(op)
            raise
        return done


@documents("HDO07", "every third client finds an overwritten document as it was for a while")
class FindsLate(MemoryDocuments):
    def __init__(self, store: MemoryStore, *args: Any, **named: Any) -> None:
        super().__init__(store, *args, **named)
        counted = store.__dict__.setdefault("_wrong_documents", [])
        counted.append(self)
        self._ordinal = len(counted)

    async def find(self, op: Find, /) -> DocumentPage:
        behind = self._store.__dict__.get("_wrong_page", {})
        page = await super().find(op)
        late = behind.get((op.collection, repr(op.filter)))
        if self._ordinal % 3 or self._transaction is not None or late is None:
            return page
        return DocumentPage(late.items, late.cursor)

    async def replace(self, op: Replace, /) -> UpdateResult:
        before = await super().find(Find(op.collection, op.filter, (), None, 1))
        done = await super().replace(op)
        behind = self._store.__dict__.setdefault("_wrong_page", {})
        if before.items:
            place = (op.collection, repr(op.filter))
            behind[place] = before
            asyncio.get_running_loop().call_later(0.01, behind.pop, place, None)
        return done


def sagas(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, SagaContract)


@sagas("HSA01", "an update of what was updated before compares, awaits, then writes")
class UpdatesBlindly(MemorySagas):
    async def update(self, op: Advance, /) -> int:
        row = self._rows(op.space).get(op.state.saga_id)
        if row is None or row.record.version < 2 or row.record.version != op.state.version:
            return await super().update(op)
        await self._store.turn()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        newest = self._rows(op.space)[op.state.saga_id].record.version
        await super().update(replace(op, state=replace(op.state, version=newest)))
        return op.state.version + 1


@sagas("HSA02", "every third client gets states as they were a moment ago")
class GetsLate(MemorySagas):
    def __init__(self, store: MemoryStore, *args: Any) -> None:
        super().__init__(store, *args)
        counted = store.__dict__.setdefault("_wrong_sagas", [])
        counted.append(self)
        self._ordinal = len(counted)

    async def get(self, op: Get, /) -> SagaRecord | None:
        record = await super().get(op)
        late = self._store.__dict__.get("_wrong_states", {}).get((op.space, op.saga_id))
        return record if self._ordinal % 3 or late is None else late

    async def update(self, op: Advance, /) -> int:
        before = await super().get(Get(op.space, op.state.saga_id))
        version = await super().update(op)
        behind = self._store.__dict__.setdefault("_wrong_states", {})
        behind[op.space, op.state.saga_id] = before
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, behind.pop, (op.space, op.state.saga_id), None)
        return version


@sagas("HSA03", "a creation that is cancelled is sent again over what was created meanwhile")
class CreatesAgain(MemorySagas):
    async def create(self, op: Create, /) -> None:
        await super().create(op)
        try:
            for _ in range(4):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._in_turns(op, 30)
            raise

    def _in_turns(self, op: Create, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._in_turns, op, turns - 1)
        else:
            self._again(op)

    def _again(self, op: Create) -> None:
        rows = self._rows(op.space)
        row = rows[op.state.saga_id]
        rows[op.state.saga_id] = replace(row, record=replace(op.state, version=1))


def outbox(id_: str, summary: str) -> Any:
    return broken(id_, "T2", summary, OutboxContract)


@outbox("HOX01", "numbers are drawn before the event is there: gaps, and events out of order")
class DrawsNumbersFirst(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        key = op.event.aggregate_key
        if key is None or self._transaction is not None:
            return await super().save(op)
        numbers = self._rows("numbers", op.space)
        mine = numbers[key] = numbers.get(key, 0) + 1
        await self._turn()
        later = numbers.get(key, 0)
        numbers[key] = mine - 1
        self._add(op.space, op.event)
        numbers[key] = max(later, mine)
        self._tell()
        return None


@outbox("HOX02", "marking writes back a copy and loses what was saved meanwhile")
class MarksCopies(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        await self._turn()
        if self._transaction is not None:
            return await super().mark(op)
        opened = self._rows("open", op.space)
        copy = dict(opened)
        await asyncio.sleep(0)
        for event_id in set(opened) - set(copy):
            del opened[event_id]
        return await super().mark(op)


@outbox("HOX03", "a claim of several events looks, awaits, then claims")
class ClaimsInSteps(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        if op.most != 2:
            return await super().claim(op)
        await self._turn()
        rows: dict[str, _Row] = self._rows("open", op.space)
        before = dict(rows)
        await asyncio.sleep(0)
        now = dict(rows)
        for event_id in set(before) & set(now):
            rows[event_id] = before[event_id]
        found = await super().claim(replace(op, wait=0.0))
        claimed = {one.event_id for one in found}
        rows.update({event_id: row for event_id, row in now.items() if event_id not in claimed})
        return found


@outbox("HOX04", "marking an event ends the claims of its whole aggregate")
class MarksFreeTheRest(MemoryOutbox):
    async def mark(self, op: Mark, /) -> None:
        rows: dict[str, _Row] = self._rows("open", op.space)
        keys = {rows[one].event.aggregate_key for one in op.event_ids if one in rows} - {None}
        await super().mark(op)
        for event_id, row in list(self._rows("open", op.space).items()):
            if row.event.aggregate_key in keys:
                freed = replace(row, claimed_until=0.0, owner="")
                self._rows("open", op.space)[event_id] = freed


@outbox("HOX05", "giving an event back puts it behind the others of its aggregate")
class GivesBackLast(MemoryOutbox):
    async def keep(self, op: Keep, /) -> None:
        await super().keep(op)
        rows: dict[str, _Row] = self._rows("open", op.space)
        for event_id in op.event_ids if op.lease == 0 else ():
            row = rows.get(event_id)
            if row is not None and row.owner == op.owner:
                rows[event_id] = rows.pop(event_id)


@outbox("HOX06", "a save that is cancelled uses up its number")
class WastesNumbers(MemoryOutbox):
    async def save(self, op: Save, /) -> None:
        key = op.event.aggregate_key
        if key is None or self._transaction is not None:
            return await super().save(op)
        numbers = self._rows("numbers", op.space)
        await self._turn()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            numbers[key] = numbers.get(key, 0) + 1
            raise
        return await super().save(op)
