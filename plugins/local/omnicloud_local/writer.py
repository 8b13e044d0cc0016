"""The one thread that writes: it commits what has queued up together, once.

A commit that waits for the disk costs about the same for one write as for a hundred. So the
writer takes what is in its queue, runs one piece after another, commits once, and only then
answers all of them. A piece that fails is undone alone.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

from omnicloud.errors import ClosedError, ConflictError, OmniCloudError
from omnicloud_local.errors import released, translated
from omnicloud_local.turnstile import Turnstile

__all__ = ["Writer", "WriterTransaction"]

T = TypeVar("T")
Piece = Callable[[sqlite3.Connection], Any]

_MOST_TOGETHER = 512
TRANSACTION_SECONDS = 30.0
"""How long an interactive transaction may keep the writer before it is rolled back."""


@dataclass(slots=True, eq=False)
class _Job:
    """A piece of work and who waits for it."""

    piece: Piece
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    answer: Any = None
    error: Exception | None = None


class WriterTransaction:
    """The writer kept for one caller, between BEGIN and COMMIT."""

    def __init__(self, writer: Writer, store: object) -> None:
        self._writer = writer
        self._store = store
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ended: str | None = None
        self._failure: OmniCloudError | None = None

    @property
    def store(self) -> object:
        """The database it is a transaction of."""
        return self._store

    async def run(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        """Run a piece inside the transaction.

        Raises:
            ConflictError: The transaction has ended; nothing was written.
            OmniCloudError: What it failed by, if it did: :meth:`Writer.write` says which.
        """
        if self._ended is not None:
            raise self._over()
        return await self._writer.ask(self._jobs.put, piece)

    async def commit(self) -> None:
        """Make all of it visible and durable."""
        if self._ended is not None:
            raise self._over()
        await self._writer.ask(self._jobs.put, self._committing)

    async def rollback(self) -> None:
        """Forget all of it. Silent after an end."""
        if self._ended is None:
            await self._writer.ask(self._jobs.put, self._rolling_back)

    def _committing(self, connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")
        self._ended = "was committed"

    def _rolling_back(self, connection: sqlite3.Connection) -> None:
        if self._ended is None:
            connection.execute("ROLLBACK")
            self._ended = "was rolled back"

    def _over(self) -> OmniCloudError:
        if self._failure is not None:
            return copy(self._failure)  # on its way to the caller it is told which call it is of
        return ConflictError(f"the transaction {self._ended}; nothing was written")

    def serve(self, connection: sqlite3.Connection) -> None:
        """In the writer's thread: run its pieces until its end or until its time is over."""
        while self._ended is None:
            try:
                job = self._jobs.get(timeout=TRANSACTION_SECONDS)
            except queue.Empty:
                job = None
            if job is None:
                connection.execute("ROLLBACK")
                self._ended = f"was idle for {TRANSACTION_SECONDS:.0f} s and rolled back"
                break
            self._writer.do(job, connection)
            self._writer.tell([job])
        self._refuse_the_rest()

    def fail(self, failure: OmniCloudError) -> None:
        """In the writer's thread: end it because it could not begin, or go on."""
        self._failure, self._ended = failure, "failed"
        self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        late: list[_Job] = []
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                job.error = self._over()
                late.append(job)
        self._writer.tell(late)


class Writer:
    """Owns the writing connection and its thread.

    Args:
        connect: Makes the connection, in the caller's thread.
        line: Where it waits for other processes; closed with the writer.
        committed: Called in the event loop after each commit.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        line: Turnstile,
        committed: Callable[[], None],
        name: str,
    ) -> None:
        self._connection = connect()
        self._line = line
        self._committed = committed
        self._jobs: queue.SimpleQueue[_Job | WriterTransaction | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"omnicloud-{name}", daemon=True)
        self._thread.start()

    async def write(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        """Run a piece in a transaction that others may share, and answer after its commit.

        The piece must not keep the connection, and may be run twice, the first time in vain.
        When it raises, what it did is undone. When the caller is cancelled before its turn, it
        is not run.

        Raises:
            UnavailableError: Another process keeps the database for too long; not done.
            CorruptedError, ResourceExhaustedError, PermissionDeniedError: Not done.
        """
        return await self.ask(self._jobs.put, piece)

    async def ask(self, put: Callable[[_Job], None], piece: Callable[[sqlite3.Connection], T]) -> T:
        """Put a piece into a queue of the writer's and wait for its answer."""
        if self._closed:
            raise ClosedError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        put(_Job(piece, loop, future))
        return await future

    async def begin(self, store: object) -> WriterTransaction:
        """Keep the writer for one interactive transaction."""
        transaction = WriterTransaction(self, store)
        if self._closed:
            raise ClosedError("the database is closed")
        self._jobs.put(transaction)
        try:
            # Answered once BEGIN has succeeded: the writer serves from then on.
            await transaction.run(_nothing)
        except BaseException:
            transaction._jobs.put(None)  # noqa: SLF001 - two classes of one mechanism
            raise
        return transaction

    def close(self) -> None:
        """Answer what is queued, then close. Blocks until the thread has ended."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        self._thread.join(timeout=TRANSACTION_SECONDS + 15)

    # What follows runs in the writer's thread.

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            if isinstance(first, WriterTransaction):
                self._serve(first)
                continue
            after = self._together([first])
            if isinstance(after, WriterTransaction):
                self._serve(after)
            elif after is _END:
                break
        self._connection.close()
        self._line.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A transaction, begun when it is this process's turn; what is left open is undone."""
        self._line.enter()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            finally:
                self._line.leave()

    def _gather(self, jobs: list[_Job]) -> object:
        """Add what has queued up behind the first jobs, until something that is no job: that."""
        while len(jobs) < _MOST_TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return None
            if not isinstance(job, _Job):
                return job or _END
            jobs.append(job)
        return None

    def _together(self, jobs: list[_Job]) -> object:
        """Run the jobs and those behind them, and commit; what came in the queue after them."""
        after = self._gather(jobs)
        if all(job.future.cancelled() for job in jobs):
            return after
        try:
            with self._turn():
                after = after or self._gather(jobs)  # others may have come while it waited
                self._all_or_each([job for job in jobs if not job.future.cancelled()])
        except Exception as error:  # noqa: BLE001 - told to the caller
            for job in jobs:
                # A copy for each: on its way to the caller it is told which call it is about.
                job.error = job.error or copy(translated(error, "writing"))
        self.tell(jobs)
        return after

    def _all_or_each(self, jobs: list[_Job]) -> None:
        """Run them one after another; should one fail half-way, all again, each by itself."""
        for job in jobs:
            changes = self._connection.total_changes
            self._try(job)
            if job.error and self._connection.total_changes != changes:
                if len(jobs) > 1:
                    self._each(jobs)
                return
        self._connection.execute("COMMIT")

    def _each(self, jobs: list[_Job]) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            job.error = None
            self._connection.execute("SAVEPOINT piece")
            self._try(job)
            if job.error:
                self._connection.execute("ROLLBACK TO piece")
            self._connection.execute("RELEASE piece")
        self._connection.execute("COMMIT")

    def _try(self, job: _Job) -> None:
        self.do(job, self._connection)
        if job.error and not self._connection.in_transaction:
            raise job.error  # a full disk, say: SQLite has undone everybody's work

    def _serve(self, transaction: WriterTransaction) -> None:
        try:
            with self._turn():
                transaction.serve(self._connection)
        except Exception as error:  # noqa: BLE001 - told to the caller
            transaction.fail(translated(error, "writing"))

    @staticmethod
    def do(job: _Job, connection: sqlite3.Connection) -> None:
        """Run a job's piece and keep its answer or its error."""
        try:
            job.answer = job.piece(connection)
        except OmniCloudError as error:
            job.error = released(error)
        except Exception as error:  # noqa: BLE001 - told to the caller
            job.error = translated(released(error), "writing")
            job.error.__cause__ = error

    def tell(self, jobs: list[_Job]) -> None:
        """Answer who waits, with one wake-up for each event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job in jobs:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, of_loop in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_answer, of_loop, self._committed)


_END = object()


def _nothing(_: sqlite3.Connection) -> None:
    """A piece that only waits for its turn."""


def _answer(jobs: list[_Job], committed: Callable[[], None]) -> None:
    committed()
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.answer)
