"""One SQLite file as a store that the services of several contracts share.

Durability: ``durability="power"`` commits with ``synchronous=FULL``: what was acknowledged
survives ``kill -9`` and, as far as disk and file system keep their word on fsync, loss of
power. ``"process"`` commits with ``synchronous=NORMAL``: it survives ``kill -9``, and a loss of
power may take the newest commits, never the file's consistency.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from omnicloud.core.clock import Clock
from omnicloud.errors import InvalidArgumentError
from omnicloud_local.connection import BUSY_SECONDS, connect
from omnicloud_local.errors import mapped
from omnicloud_local.readers import Readers
from omnicloud_local.turnstile import Turnstile
from omnicloud_local.writer import Writer, WriterTransaction

__all__ = ["SYNCHRONOUS", "Database", "Mark"]

T = TypeVar("T")

SYNCHRONOUS = {"power": "FULL", "process": "NORMAL"}

_DEFAULT_FOLDER = ".omnicloud"  # it comes to be unasked, with data and the key of secrets
_READERS = 2
_POLL_SECONDS = 0.05  # how soon a change made by another process is seen


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in the life of a database, from which to wait for a change."""

    signal: asyncio.Event
    known: int


class Database:
    """A database file, one thread that writes to it, some that read.

    Services that share a file share this object within a process; between processes SQLite's
    own locks serve. Use :meth:`open`.
    """

    def __init__(self, path: Path, clock: Clock, synchronous: str) -> None:
        self.path = path
        self.clock = clock
        self._changed = asyncio.Event()
        self._known = 0
        self._watching = connect(path, synchronous=synchronous, read_only=True)
        self._writer = Writer(
            lambda: connect(path, synchronous=synchronous),
            Turnstile(path, BUSY_SECONDS),
            self._tell,
            path.stem,
        )
        self._readers = Readers(
            lambda: connect(path, synchronous=synchronous, read_only=True), _READERS, path.stem
        )
        self._defined: set[str] = set()

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, durability: str = "power") -> Database:
        """Open a file, made where there is none.

        Raises:
            CorruptedError: The file is no database; it was left as it is.
            PermissionDeniedError: It cannot be written; nothing was changed.
        """
        return await anyio.to_thread.run_sync(cls._opened, path, clock, SYNCHRONOUS[durability])

    @classmethod
    def _opened(cls, path: Path, clock: Clock, synchronous: str) -> Database:
        with mapped(f"making the folder of {path}"):
            _make_folder(path.parent)
        return cls(path, clock, synchronous)

    async def write(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        """Run a piece in a write transaction; answered once it is committed and durable."""
        return await self._writer.write(piece)

    async def read(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        """Run a piece on a reading connection."""
        return await self._readers.read(piece)

    async def define(self, schema: str) -> None:
        """Make the tables of a contract, once in the life of the file.

        What was made is noted in the file and looked up by reading: opening a service waits
        for no writer, neither of an open transaction nor of another process.
        """
        mark = hashlib.sha256(schema.encode()).hexdigest()
        if schema in self._defined or await self.read(lambda db: _has_made(db, mark)):
            self._defined.add(schema)
            return

        def make(connection: sqlite3.Connection) -> None:
            connection.execute(_SCHEMAS)
            for statement in schema.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO omnicloud_schemas VALUES (?)", (mark,))

        await self._writer.write(make)
        self._defined.add(schema)

    async def begin(self) -> WriterTransaction:
        """Begin an interactive transaction. Other writers wait until it ends."""
        return await self._writer.begin(self)

    def joined(self, transaction: object) -> WriterTransaction:
        """``transaction`` as one of this database.

        Raises:
            InvalidArgumentError: It is another's.
        """
        if isinstance(transaction, WriterTransaction) and transaction.store is self:
            return transaction
        raise InvalidArgumentError(
            "the transaction belongs to another store",
            hint="only services on one local database can share a transaction",
        )

    def mark(self) -> Mark:
        """The present, to wait from. Take it before the read that may find nothing."""
        return Mark(self._changed, self._known)

    async def changed(self, mark: Mark, wait: float) -> None:
        """Wait for a commit after ``mark``, of this process or another, or ``wait`` seconds.

        May come back for nothing; the caller reads again.
        """
        until = self.clock.monotonic() + wait
        while not mark.signal.is_set() and self._known == mark.known:
            left = until - self.clock.monotonic()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(min(left, _POLL_SECONDS)):
                    await mark.signal.wait()
            except TimeoutError:
                self._known = await self._readers.read(self._version)

    def _version(self, _: sqlite3.Connection) -> int:
        # https://www.sqlite.org/pragma.html#pragma_data_version, read 2026-11: on one
        # connection it differs once another connection, of any process, has committed.
        return int(self._watching.execute("PRAGMA data_version").fetchone()[0])

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def aclose(self) -> None:
        """Finish what is queued and close the file. Twice is silent."""
        await anyio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        self._readers.close()
        self._writer.close()
        self._watching.close()


_SCHEMAS = "CREATE TABLE IF NOT EXISTS omnicloud_schemas (mark TEXT PRIMARY KEY)"


def _make_folder(folder: Path) -> None:
    """Make a folder where there is none; the default one is kept out of version control."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if is_new and folder.name == _DEFAULT_FOLDER:
        (folder / ".gitignore").write_text("*\n", encoding="ascii")


def _has_made(connection: sqlite3.Connection, mark: str) -> bool:
    """Whether the tables with that mark are in the file."""
    noted = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'omnicloud_schemas'")
    if noted.fetchone() is None:
        return False
    made = connection.execute("SELECT 1 FROM omnicloud_schemas WHERE mark = ?", (mark,))
    return made.fetchone() is not None
