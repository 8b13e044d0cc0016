"""A store in memory that drivers of all contracts share, with transactions.

Rows are immutable values in dictionaries. A writer waits for its turn and then changes rows
without awaiting, so every driver call is atomic. A transaction works on copies and swaps them
in at its commit; meanwhile writers outside it wait and readers see what was before.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.errors import ConflictError, InvalidArgumentError, Outcome, UnavailableError

__all__ = ["MemoryStore", "MemoryTransaction", "Rows"]

Rows = dict[Any, Any]
"""One table: immutable rows by key."""

TRANSACTION_SECONDS = 30.0
"""How long a transaction may stay open before writers outside it end it."""


class MemoryStore:
    """Tables by name, a turn for writers, timers for what expires, a signal for what changed.

    Args:
        clock: Where deadlines are read: monotonic, so a step of the wall clock moves none.
        transaction_seconds: After so many seconds an open transaction is rolled back.
    """

    def __init__(
        self, clock: Clock = SYSTEM_CLOCK, *, transaction_seconds: float = TRANSACTION_SECONDS
    ) -> None:
        self.clock = clock
        self.down = False
        """Whether the store refuses everything, as a server that was switched off."""
        self.latency = 0.0
        """Seconds that a request takes to arrive."""
        self._audible: asyncio.Event | None = None
        self._tables: dict[Hashable, Rows] = {}
        self._numbers = count(1)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._changed = asyncio.Event()
        self._transaction: MemoryTransaction | None = None
        self._transaction_seconds = transaction_seconds

    def rows(self, table: Hashable) -> Rows:
        """The committed rows of a table."""
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = {}
        return rows

    def number(self) -> int:
        """A number larger than all before it: versions, fencing tokens, order of arrival."""
        return next(self._numbers)

    def now(self) -> int:
        """A number such that whatever becomes visible from now on has a larger one."""
        return self.number() if self._transaction is None else self._transaction.first

    async def reading(self) -> None:
        """Come to the moment of a read.

        Raises:
            UnavailableError: The store is down or was silent; not done.
        """
        await asyncio.sleep(self.latency)
        if self._audible is not None:
            await self._lost(self._audible)
        self._check_up()
        self.expire()

    def fall_silent(self) -> None:
        """Answer no request from now on, as a server behind a network that swallows all."""
        self._audible = self._audible or asyncio.Event()

    def speak(self) -> None:
        """End the silence; what was asked during it is lost."""
        if self._audible is not None:
            self._audible.set()
            self._audible = None

    async def _lost(self, audible: asyncio.Event) -> None:
        await audible.wait()
        raise UnavailableError("the request was lost on the way", outcome=Outcome.NOT_DONE)

    async def turn(self) -> None:
        """Come to the moment of a write: until the next await, rows are the caller's.

        Raises:
            UnavailableError: The store is down; not done.
        """
        await self.reading()
        while (transaction := self._transaction) is not None:
            await transaction.ended_or_expired()
            self._check_up()
        self.expire()

    def _check_up(self) -> None:
        if self.down:
            raise UnavailableError("the memory store is switched off", outcome=Outcome.NOT_DONE)

    def at(self, deadline: float, action: Callable[[], None]) -> None:
        """Run ``action`` when the monotonic clock has passed ``deadline``, at the next turn."""
        heapq.heappush(self._timers, (deadline, self.number(), action))

    def expire(self) -> None:
        """End a transaction that was forgotten, and run the timers that are due."""
        if self._transaction is not None:
            self._transaction.expire()
        if not self._timers or self._transaction is not None:
            return
        now = self.clock.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, wait: float) -> None:
        """Wait for a change, for the next timer, or ``wait`` seconds, whatever is first."""
        if self._transaction is not None:  # no timer runs before its end
            wait = min(wait, self._transaction.expires - self.clock.monotonic())
        elif self._timers:
            wait = min(wait, self._timers[0][0] - self.clock.monotonic())
        signal = self._changed
        waiter = asyncio.ensure_future(signal.wait())
        alarm = asyncio.ensure_future(self.clock.sleep(max(0.0, wait)))
        try:
            await asyncio.wait((waiter, alarm), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            alarm.cancel()

    async def begin(self) -> MemoryTransaction:
        """Begin a transaction once no other is open."""
        await self.turn()
        self._transaction = MemoryTransaction(
            self, self.clock.monotonic() + self._transaction_seconds
        )
        return self._transaction

    def finish(self, transaction: MemoryTransaction, tables: dict[Hashable, Rows]) -> None:
        """End a transaction and put ``tables`` in place of the committed ones."""
        if self._transaction is transaction:
            self._tables.update(tables)
            self._transaction = None
            self.expire()
            self.tell()

    def joined(self, transaction: object) -> MemoryTransaction:
        """``transaction`` as one of this store.

        Raises:
            InvalidArgumentError: It is another store's.
        """
        if isinstance(transaction, MemoryTransaction) and transaction.store is self:
            return transaction
        raise InvalidArgumentError(
            "the transaction belongs to another store",
            hint="only services on one store can share a transaction",
        )

    async def aclose(self) -> None:
        """Forget everything."""
        self._tables.clear()
        self._timers.clear()


class MemoryTransaction:
    """Copies of the tables it touched, put in place at the commit."""

    def __init__(self, store: MemoryStore, expires: float) -> None:
        self._store = store
        self.first = store.number()
        """All that it writes has a larger number."""
        self.expires = expires
        """The moment of the monotonic clock from which on it is no longer waited for."""
        self._tables: dict[Hashable, Rows] = {}
        self._after: list[Callable[[], None]] = []
        self._end = asyncio.Event()

    @property
    def store(self) -> MemoryStore:
        """The store it is a transaction of."""
        return self._store

    def rows(self, table: Hashable) -> Rows:
        """The rows of a table as this transaction sees and changes them."""
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = dict(self._store.rows(table))
        return rows

    def afterwards(self, action: Callable[[], None]) -> None:
        """Run ``action`` once the transaction is committed: a timer, say."""
        self._after.append(action)

    @contextmanager
    def use(self) -> Iterator[None]:
        """Guard one call inside the transaction.

        Raises:
            ConflictError: It has ended; nothing was written.
        """
        self._check_open()
        yield

    async def ended_or_expired(self) -> None:
        """Wait for its end; past its time, end it."""
        left = self.expires - self._store.clock.monotonic()
        waiter = asyncio.ensure_future(self._end.wait())
        alarm = asyncio.ensure_future(self._store.clock.sleep(max(0.0, left)))
        try:
            await asyncio.wait((waiter, alarm), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            alarm.cancel()
        self.expire()

    def expire(self) -> None:
        """End it, past its time."""
        if not self._end.is_set() and self._store.clock.monotonic() >= self.expires:
            self._end.set()
            self._store.finish(self, {})

    async def commit(self) -> None:
        """Put the changed tables in place."""
        await asyncio.sleep(0)
        self._check_open()
        self._end.set()
        self._store.finish(self, self._tables)
        for action in self._after:
            action()

    async def rollback(self) -> None:
        """Forget the changes."""
        await asyncio.sleep(0)
        if not self._end.is_set():
            self._end.set()
            self._store.finish(self, {})

    def _check_open(self) -> None:
        if self._end.is_set():
            raise ConflictError(
                "the transaction has ended",
                hint="it was committed, rolled back, or open for longer than the store allows",
            )
