"""kv drivers written against the contract alone, for a ninth count of what the kit finds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.kv.driver import (
    Begin,
    Changes,
    Delete,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import ChangePage, Page, Record
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud.memory.kv import MemoryKV, _Row
from omnicloud.memory.store import MemoryTransaction, Rows
from omnicloud_tck.kv import KVContract

_CHUNK = 1 << 16


def kv(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-KV-{number}", tier, summary, KVContract)


class Inside(MemoryKV):
    """Is wrong inside a transaction, too."""

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)

    def _committed(self) -> Rows:
        """The rows as others see them."""
        return self._store.rows(self._table)


@kv("01", "T1", "a page of more than a thousand keys is cut there, and told as the last")
class LastPage(MemoryKV):
    """ "cursor is None on the last page". Met by a walk in pages of 5,000."""

    async def scan(self, op: Scan, /) -> Page:
        page = await super().scan(op)
        return page if len(page.keys) <= 1000 else Page(page.keys[:1000])


@kv("02", "T2", "long values are read in chunks, one after another")
class TornRead(MemoryKV):
    """A record is as one write left it. Met by a document that is saved while it is shown."""

    async def get(self, op: Get, /) -> Record | None:
        first = await super().get(op)
        if first is None or len(first.value) <= _CHUNK:
            return first
        rest = await super().get(op)
        return rest and replace(rest, value=first.value[:_CHUNK] + rest.value[_CHUNK:])


@kv("03", "T3", "a walk of a slow store tells what it found in time, as the last page")
class FoundInTime(MemoryKV):
    """ "cursor is None on the last page". Met by any walk on a busy afternoon."""

    async def scan(self, op: Scan, /) -> Page:
        begun = self._store.clock.monotonic()
        page = await super().scan(op)
        late = self._store.clock.monotonic() - begun > 0.5
        return Page(page.keys[: len(page.keys) // 2]) if late else page


@kv("04", "T2", "versions are given at the commit: those that writes were told before are not kept")
class NumberedLater(MemoryKV):
    """ "Write a value and answer its new version". Met by who writes again on that version."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = _NumbersLater
        return transaction


class _NumbersLater(MemoryTransaction):
    async def commit(self) -> None:
        for table, rows in self._tables.items():
            before = self._store.rows(table)
            for key, row in rows.items():
                if isinstance(row, _Row) and row is not before.get(key) and row.deadline is None:
                    rows[key] = replace(row, version=self._store.number())
        await super().commit()


@kv("05", "T3", "the life of a write that was undone ends the value that was there before")
class EndsWhatWas(Inside):
    """ "Or not at all when it raises". Met where lives are kept beside the table."""

    def _arm(self, key: str, row: _Row) -> None:
        super()._arm(key, row)
        old = self._committed().get(key)
        if self._transaction is None or row.deadline is None or old is None:
            return

        def end() -> None:
            if self._committed().get(key) is old:
                self._committed()[key] = _Row(None, self._store.number())

        self._store.at(row.deadline, end)


@kv("06", "T1", "of a batch of more than four megabytes the rest is lost")
class RestIsLost(MemoryKV):
    """ "Write all items or none". Met by the import of a hundred pictures."""

    async def set_many(self, op: SetMany, /) -> None:
        room, kept = 4 << 20, list[tuple[str, bytes]]()
        for key, value in op.items:
            room -= len(value)
            if room > 0:
                kept.append((key, value))
        await super().set_many(replace(op, items=tuple(kept)))


@kv("07", "T2", "if_absent in a transaction looks at what is committed only")
class LooksOutside(Inside):
    """A transaction sees its own deletions. Met by who replaces a record in one."""

    async def set(self, op: Set, /) -> str:
        if self._transaction is not None and op.if_absent:
            await self._turn()
            row = self._committed().get(op.key)
            if row is not None and row.value is not None:
                raise AlreadyExistsError("the key is live")
        return await super().set(op)


@kv("08", "T2", "deleting what a transaction wrote uncovers what is committed again")
class Uncovers(Inside):
    """ "Delete a key". Met where a transaction is an overlay of its writes."""

    async def delete(self, op: Delete, /) -> bool:
        mine, old = self._rows().get(op.key), self._committed().get(op.key)
        done = await super().delete(op)
        if done and self._transaction is not None and old not in (None, mine) and old.value:
            self._rows()[op.key] = old
        return done


@kv("09", "T2", "after a refused condition the commit of a transaction is a rollback, in silence")
class SilentRollback(Inside):
    """A commit that ends well has done all. Met by who tries if_absent, and goes on without."""

    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError:
            if self._transaction is not None:
                self._transaction.__class__ = _Aborted
            raise


class _Aborted(MemoryTransaction):
    async def commit(self) -> None:
        await self.rollback()


@kv("10", "T2", "of many changes a watch is told the newest, and the cursor passes over the others")
class NewestOnly(MemoryKV):
    """ "every change of a key at least in its last state". Met by the import of a thousand keys."""

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        return ChangePage(page.changes[-64:], page.cursor)


@kv("11", "T3", "a watch that was told nothing for five minutes begins anew")
class Forgets(MemoryKV):
    """ "Changes … since cursor". Met on every quiet evening."""

    _asked = 0.0

    async def changes(self, op: Changes, /) -> ChangePage:
        now, since = self._store.clock.monotonic(), self._asked
        self._asked = now
        if op.cursor is not None and now - since > 300.0:
            op = replace(op, cursor=str(self._store.now()))
        return await super().changes(op)


@kv("12", "T1", "a counter is kept under its name without what follows '#'")
class CutAtHash(MemoryKV):
    """Names are any Unicode. Met by counters of pages with fragments."""

    async def increment(self, op: Increment, /) -> int:
        return await super().increment(replace(op, key=op.key.split("#")[0] or op.key))


@kv("13", "T4", "the error of a condition tells the keys beside, of whichever tenant")
class TellsNeighbours(MemoryKV):
    """Two tenants never see each other's names. Met by any refused write."""

    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError as error:
            near = ", ".join(sorted(self._rows())[:5])
            raise type(error)(f"{error.message}; there are {near}") from None


@kv("14", "T2", "a set over what the same transaction wrote is told the version of that")
class FirstVersion(Inside):
    """ "answer its new version". Met by who writes twice in a transaction."""

    async def set(self, op: Set, /) -> str:
        mine, old = self._rows().get(op.key), self._committed().get(op.key)
        version = await super().set(op)
        if self._transaction is None or mine is None or mine is old:
            return version
        return str(mine.version)


@kv("15", "T2", "a first read of a long value is of one moment, one that follows at once of two")
class TornBesideOthers(MemoryKV):
    """As above, where requests share a connection."""

    async def get(self, op: Get, /) -> Record | None:
        first = await super().get(op)
        if first is None or len(first.value) <= 4 * _CHUNK:
            return first
        await asyncio.sleep(0)
        rest = await super().get(op)
        return rest and replace(rest, value=first.value[:_CHUNK] + rest.value[_CHUNK:])


@kv("16", "T3", "the end of a key that was deleted by its version ends what is written later")
class Lingers(MemoryKV):
    """A write without ttl lives for ever. Met by sessions that are ended, and begun again."""

    async def delete(self, op: Delete, /) -> bool:
        row: _Row | None = self._rows().get(op.key)
        done = await super().delete(op)
        if done and op.if_version is not None and row is not None and row.deadline is not None:
            self._store.at(row.deadline, lambda: self._end(op.key))
        return done

    def _end(self, key: str) -> None:
        row: _Row | None = self._rows().get(key)
        if row is not None and row.value is not None:
            self._bury(key)


@kv("17", "T2", "of more than twenty keys a transaction reads what is committed")
class ReadsOutside(Inside):
    """A transaction sees its own writes. Met by an import that looks at what it has."""

    async def get_many(self, op: GetMany, /) -> tuple[Record | None, ...]:
        if len(op.keys) > 20 and self._transaction is not None:
            return await MemoryKV(self._store, self._namespace).get_many(op)
        return await super().get_many(op)


@kv("18", "T1", "if_absent in a transaction is refused over what has ended")
class RefusedByTheDead(Inside):
    """A key that has expired is not there. Met by a claim that is taken anew."""

    async def set(self, op: Set, /) -> str:
        if self._transaction is not None and op.if_absent and op.key in self._lasting():
            await self._turn()
            raise AlreadyExistsError("the key is live")
        return await super().set(op)

    def _write(self, key: str, value: bytes, ttl: float | None) -> int:
        self._lasting().pop(key, None)
        if ttl is not None:
            self._lasting()[key] = ttl
        return super()._write(key, value, ttl)

    def _bury(self, key: str) -> None:
        self._lasting().pop(key, None)
        super()._bury(key)

    def _lasting(self) -> dict[str, float]:
        """The keys that were given an end."""
        found: dict[str, float] = self._store.__dict__.setdefault("lasting", {})
        return found
