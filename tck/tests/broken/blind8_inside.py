"""Drivers that are right outside transactions, and wrong inside: relatives of what another count
of the kit let through."""

from __future__ import annotations

from broken.blind8_documents import Doomed
from broken.registry import broken
from omnicloud.contracts.kv.driver import Begin, Scan, Set
from omnicloud.contracts.kv.models import Page
from omnicloud.contracts.outbox.driver import ListEvents
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.errors import ConflictError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.store import MemoryTransaction, Rows
from omnicloud_tck.kv import KVContract
from omnicloud_tck.outbox import OutboxContract


class Within(MemoryKV):
    """Stays of its class inside a transaction."""

    def within(self, transaction: object, /) -> MemoryKV:
        joined = self._store.joined(transaction)
        return type(self)(self._store, self._namespace, transaction=joined)


@broken("BLIND8-IN-01", "T2", "after a refused set its transaction commits nothing", KVContract)
class SetDooms(Within):
    """A transaction is atomic. Met by a create, and a set where it is refused, inside one."""

    async def begin(self, op: Begin, /) -> MemoryTransaction:
        transaction = await super().begin(op)
        transaction.__class__ = Doomed
        return transaction

    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except ConflictError:
            if isinstance(self._transaction, Doomed):
                self._transaction.doomed = True
            raise


@broken("BLIND8-IN-02", "T2", "in a transaction pages after the first are read outside", KVContract)
class PagesOutside(Within):
    """Reads inside see its own writes. Met by a scan of more than a page of them."""

    async def scan(self, op: Scan, /) -> Page:
        if op.cursor is None:
            return await super().scan(op)
        return await MemoryKV(self._store, self._namespace).scan(op)


@broken("BLIND8-IN-03", "T4", "in a transaction the service's namespace is forgotten", KVContract)
class NamespaceForgotten(Within):
    """Names never leave their namespace. Met by two services of one database."""

    def _rows(self) -> Rows:
        if self._transaction is not None:
            for table in self._store._tables:
                if isinstance(table, tuple) and table[0] == "kv":
                    return self._transaction.rows(table)
        return super()._rows()


@broken(
    "BLIND8-IN-04", "T2", "in a transaction events after a page are read outside", OutboxContract
)
class EventsOutside(MemoryOutbox):
    """Reads inside see its own writes. Met by a transaction that lists more than a page."""

    async def list_events(self, op: ListEvents, /) -> tuple[EventRecord, ...]:
        if op.after is None:
            return await super().list_events(op)
        return await MemoryOutbox(self._store, self._namespace).list_events(op)


@broken("BLIND8-IN-05", "T4", "in a transaction the namespace is forgotten", OutboxContract)
class OutboxNamespaceForgotten(MemoryOutbox):
    """Names never leave their namespace. Met by two services of one database."""

    def _rows(self, table: str, space: str) -> Rows:
        if self._transaction is not None:
            for held in self._store._tables:
                if isinstance(held, tuple) and held[0] == "outbox" and held[2:] == (table, space):
                    return self._transaction.rows(held)
        return super()._rows(table, space)
