"""The secrets contract in SQLite, encrypted at rest.

One row a version, its value sealed and bound to namespace, name and version. Versions are
drawn from one counter of the database and never come again. Names are stored as they are;
values never are.
"""

from __future__ import annotations

import sqlite3

import anyio.to_thread

from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsFeature,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import ConfigurationError, CorruptedError
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.errors import mapped
from omnicloud_local.keys import KeyFile, Keys, MasterKey
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "KEY_FILE", "LocalSecrets", "open_secrets"]

FEATURES: frozenset[Feature] = frozenset(SecretsFeature)

_LIMITS = SecretsLimits()
KEY_FILE = "secrets.key"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS secrets (
    space TEXT NOT NULL,
    name BLOB NOT NULL,
    version INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created REAL NOT NULL,
    expires REAL,
    PRIMARY KEY (space, name, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets_counter (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    version INTEGER
);
INSERT OR IGNORE INTO secrets_counter VALUES (1, 0)
"""

_NEXT = "UPDATE secrets_counter SET version = version + 1 RETURNING version"
_LIVE = "space = ? AND name = ? AND (expires IS NULL OR expires > ?)"
_ROWS = "SELECT version, key_id, sealed, created, expires FROM secrets WHERE "
_NEWEST = f"{_ROWS} {_LIVE} ORDER BY version DESC"

_Row = tuple[int, str, bytes, float, float | None]


class LocalSecrets:
    """A secrets driver over a :class:`Database` and a key file, or a key that was given."""

    def __init__(
        self, database: Database, space: str, file: KeyFile, given: Keys | None = None
    ) -> None:
        self._database = database
        self._space = space
        self._file = file
        self._given = given
        self._keys: tuple[tuple[int, int], Keys] | None = None

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> SecretsLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> StoredSecret | None:
        def read(db: sqlite3.Connection) -> StoredSecret | None:
            for row in self._rows(db, op.secret):
                if op.version is None or str(row[0]) == op.version:
                    return StoredSecret(self._opened(op.secret, row), str(row[0]))
            return None

        return await self._database.read(read)

    async def set(self, op: Set, /) -> str:
        def write(db: sqlite3.Connection) -> str:
            if op.grace is not None:
                self._end_older(db, op.secret, op.grace)
            version = int(db.execute(_NEXT).fetchone()[0])
            self._insert(db, op.secret, version, op.value)
            self._forget_old(db, op.secret)
            return str(version)

        return await self._database.write(write)

    async def delete(self, op: Delete, /) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            name = self._space, op.secret.encode()
            return db.execute("DELETE FROM secrets WHERE space = ? AND name = ?", name).rowcount > 0

        return await self._database.write(write)

    async def list(self, op: List, /) -> NamePage:
        low = op.prefix.encode()
        after = b"" if op.cursor is None else op.cursor.encode()

        def read(db: sqlite3.Connection) -> list[bytes]:
            # 0xFF is in no UTF-8, so it is above every name that goes on after the prefix.
            found = db.execute(
                "SELECT DISTINCT name FROM secrets WHERE space = ? AND name >= ? AND name > ? "
                "AND name < ? ORDER BY name LIMIT ?",
                (self._space, low, after, low + b"\xff", op.limit + 1),
            )
            return [bytes(row[0]) for row in found]

        names = [name.decode() for name in await self._database.read(read)]
        more = len(names) > op.limit
        return NamePage(tuple(names[: op.limit]), names[op.limit - 1] if more else None)

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        def read(db: sqlite3.Connection) -> tuple[_Row, ...]:
            return self._rows(db, op.secret)

        now = self._now()
        return tuple(
            VersionInfo(str(version), created, None if expires is None else expires - now)
            for version, _, _, created, expires in await self._database.read(read)
        )

    async def wait(self, op: Await, /) -> str | None:
        def read(db: sqlite3.Connection) -> str | None:
            rows = self._rows(db, op.secret)
            return str(rows[0][0]) if rows else None

        until = self._database.clock.monotonic() + op.wait
        while True:
            mark = self._database.mark()
            version = await self._database.read(read)
            left = until - self._database.clock.monotonic()
            if version != op.known or left <= 0:
                return version
            await self._database.changed(mark, left)

    async def rotate_master_key(self) -> int:
        """Make a new master key, seal every value of the store with it; how many those were.

        Older keys stay in the key file, for what another process sealed meanwhile.

        Raises:
            ConfigurationError: The key is given by the configuration, not kept in a file.
        """
        if self._given is not None:
            raise ConfigurationError(
                "the master key is given by the configuration",
                hint="rotate it where it comes from",
            )

        def write(db: sqlite3.Connection) -> int:
            # Inside the write transaction: it keeps other processes out.
            old, new = self._current(), self._file.add().current
            rows = db.execute("SELECT space, name, version, key_id, sealed FROM secrets").fetchall()
            for space, name, version, key_id, sealed in rows:
                place = _place(space, bytes(name), version)
                value = _known(old, key_id).open(bytes(sealed), place)
                db.execute(
                    "UPDATE secrets SET key_id = ?, sealed = ? "
                    "WHERE space = ? AND name = ? AND version = ?",
                    (new.id, new.seal(value, place), space, name, version),
                )
            return len(rows)

        return await self._database.write(write)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    def _now(self) -> float:
        return self._database.clock.wall()

    # What follows runs in a thread of the database's.

    def _rows(self, db: sqlite3.Connection, name: str) -> tuple[_Row, ...]:
        return tuple(db.execute(_NEWEST, (self._space, name.encode(), self._now())))

    def _insert(self, db: sqlite3.Connection, name: str, version: int, value: bytes) -> None:
        key, place = self._current().current, _place(self._space, name.encode(), version)
        row = self._space, name.encode(), version, key.id, key.seal(value, place), self._now()
        db.execute("INSERT INTO secrets VALUES (?, ?, ?, ?, ?, ?, NULL)", row)

    def _opened(self, name: str, row: _Row) -> bytes:
        version, key_id, sealed, _, _ = row
        place = _place(self._space, name.encode(), version)
        return _known(self._current(), key_id).open(bytes(sealed), place)

    def _end_older(self, db: sqlite3.Connection, name: str, grace: float) -> None:
        end = self._now() + grace
        db.execute(
            "UPDATE secrets SET expires = min(ifnull(expires, ?), ?) WHERE space = ? AND name = ?",
            (end, end, self._space, name.encode()),
        )

    def _forget_old(self, db: sqlite3.Connection, name: str) -> None:
        """Remove what has ended or is older than the versions that are kept."""
        place = self._space, name.encode()
        db.execute(
            "DELETE FROM secrets WHERE space = ? AND name = ? AND (expires <= ? OR version NOT IN "
            "(SELECT version FROM secrets WHERE space = ? AND name = ? "
            "ORDER BY version DESC LIMIT ?))",
            (*place, self._now(), *place, self.limits.versions_kept),
        )

    def _current(self) -> Keys:
        """The keys, read again when another process has rotated them."""
        if self._given is not None:
            return self._given
        with mapped(f"reading {self._file.path.name}"):
            stamp = self._file.stamp()
            if self._keys is None or self._keys[0] != stamp:
                self._keys = stamp, self._file.read()
        return self._keys[1]


def _known(keys: Keys, key_id: str) -> MasterKey:
    key = keys.find(key_id)
    if key is None:
        raise CorruptedError(
            "the secret is sealed with a master key that is not here",
            hint=f"restore the {KEY_FILE} that belongs to this store",
        )
    return key


def _place(space: str, name: bytes, version: int) -> bytes:
    """What a sealed value is bound to; lengths keep two places from being written alike."""
    return b"%d:%s%d:%s%d" % (len(space.encode()), space.encode(), len(name), name, version)


async def open_secrets(config: LocalConfig, opening: Opening) -> LocalSecrets:
    """A secrets driver on the database and the key file of the configured folder.

    Raises:
        ConfigurationError: There are secrets but no key file: a new key would not open them.
        PermissionDeniedError: Others may read the key file.
        CorruptedError: The key file is none.
    """
    database = await database_of(config, opening)
    await database.define(_SCHEMA)
    file = KeyFile(config.path.absolute() / KEY_FILE)
    space = config.namespace_of(opening.service.name)
    if config.secrets_key is not None:
        given = Keys.given(config.secrets_key.get_secret_value())
        return LocalSecrets(database, space, file, given)
    some = await database.read(_some)
    await anyio.to_thread.run_sync(_prepare, file, some)
    return LocalSecrets(database, space, file)


def _some(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM secrets LIMIT 1").fetchone() is not None


def _prepare(file: KeyFile, some: bool) -> None:
    with mapped(f"preparing {file.path}"):
        if not file.exists():
            if some:
                raise ConfigurationError(
                    f"there are secrets, but {file.path.name} is missing",
                    hint="restore it from a backup: without it they cannot be read",
                )
            file.make()
        file.read()
