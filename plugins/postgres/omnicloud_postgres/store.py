"""One database, shared by all services with the same address and credentials."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg

from omnicloud.core.clock import Clock
from omnicloud.core.opening import Opening
from omnicloud.core.tls import trusting
from omnicloud.errors import ConfigurationError, InvalidArgumentError
from omnicloud_postgres import signals
from omnicloud_postgres.borrowed import borrowed
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.pool import Connection, Pool, Row
from omnicloud_postgres.runner import Runner
from omnicloud_postgres.signals import Signals
from omnicloud_postgres.transaction import PostgresTransaction

__all__ = ["OLDEST", "ServerFacts", "Store", "store_of"]

OLDEST = 14
"""The oldest major version served: with it idle transactions and lost clients are noticed."""

_FACTS = """SELECT current_setting('server_version'), current_setting('server_version_num')::int,
current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
pg_is_in_recovery()"""
_DEFINING = 0x6F6D6E69636C6F75  # the advisory lock under which tables are made
_DEFINING_SECONDS = 600.0  # an index of a large table; who opens gives up before
_PATIENT = "SELECT set_config('statement_timeout', $1, true)"
_KEPT_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says of itself when it is first reached."""

    version: str
    durable: bool


class Store:
    """Statements of one database. Never repeats a request that may have been done."""

    def __init__(self, config: PostgresConfig, clock: Clock) -> None:
        self.clock = clock
        self.config = config
        timeouts = {"timeout": config.answer_timeout, "connect_timeout": config.connect_timeout}
        self._tls = _tls(config)
        where = urlsplit(config.url).netloc
        self._calls = Pool(self._connect, where, most=config.max_connections, **timeouts)
        self._transactions = Pool(self._connect, where, most=config.max_transactions, **timeouts)
        self.signals = Signals(Pool(self._connect, where, most=1, **timeouts), clock)
        self._facts: ServerFacts | None = None
        self._defined: set[tuple[str, ...]] = set()

    @property
    def open_connections(self) -> int:
        """How many connections there are."""
        pools = self._calls.open_connections + self._transactions.open_connections
        return pools + self.signals.open_connections

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        """Run one statement, which is committed when it is answered.

        Raises:
            OmniCloudError: As the table in ``errors`` says.
        """
        return await self._calls.call(sql, arguments)

    async def at_length(self, sql: str, *arguments: object) -> list[Row]:
        """One statement that may take as long as a transaction, not only as one answer."""
        async with self.unit(patience=self.config.transaction_timeout) as unit:
            return await unit.rows(sql, *arguments)

    @asynccontextmanager
    async def unit(
        self, *, snapshot: bool = False, patience: float | None = None
    ) -> AsyncIterator[Runner]:
        """Several statements as one transaction, on a connection for calls.

        With ``patience`` it may take so many seconds, and each statement of it may.
        """
        most = self.config.transaction_timeout if patience is None else patience
        begun = await PostgresTransaction.begin(
            self, self._calls, most, snapshot=snapshot, single=True, patience=patience
        )
        try:
            if patience is not None:
                await begun.rows(_PATIENT, str(int(patience * 900)))
            yield begun
            await begun.commit()
        except BaseException:
            await begun.rollback()
            raise

    async def begin(self) -> PostgresTransaction:
        """Begin a transaction, which the caller ends."""
        most = self.config.transaction_timeout
        return await PostgresTransaction.begin(self, self._transactions, most)

    def joined(self, transaction: object) -> Runner:
        """``transaction`` as one of this store, or an application's own connection or session.

        Raises:
            InvalidArgumentError: It is another store's, or no transaction is open on it.
        """
        if isinstance(transaction, PostgresTransaction) and transaction.store is self:
            return transaction
        found = borrowed(transaction)
        if found is not None:
            return found
        raise InvalidArgumentError(
            "the transaction belongs to another store",
            hint="give one begun on the same database with equal settings, an asyncpg connection, "
            "or an AsyncSession or AsyncConnection of SQLAlchemy over asyncpg",
        )

    async def define(self, schema: tuple[str, ...]) -> None:
        """Make the tables of a contract, once in the life of the database.

        What was made is noted there, so that opening a service later needs no right to make.
        """
        for each in (signals.SCHEMA, schema):
            if each not in self._defined:
                await self._define(each)
                self._defined.add(each)

    async def facts(self) -> ServerFacts:
        """What the server is; asked once.

        Raises:
            ConfigurationError: It is older than :data:`OLDEST`.
        """
        if self._facts is None:
            ((version, number, durable, standby),) = await self.rows(_FACTS)
            if number // 10_000 < OLDEST:
                raise ConfigurationError(
                    f"the server is PostgreSQL {version}, too old for this provider",
                    hint=f"run PostgreSQL {OLDEST} or newer",
                )
            self._facts = ServerFacts(version, durable and not standby)
        return self._facts

    async def aclose(self) -> None:
        """Close all connections; open transactions are rolled back."""
        try:
            await self.signals.aclose()
        finally:
            try:
                await self._transactions.aclose()
            finally:
                await self._calls.aclose()

    async def _define(self, schema: tuple[str, ...]) -> None:
        mark = hashlib.sha256("\0".join(schema).encode()).hexdigest()
        ((there,),) = await self.rows("SELECT to_regclass('omnicloud.made') IS NOT NULL")
        if there and await self.rows("SELECT 1 FROM omnicloud.made WHERE mark = $1", mark):
            return
        async with self.unit(patience=_DEFINING_SECONDS) as unit:
            await unit.rows("SELECT pg_advisory_xact_lock($1)", _DEFINING)
            await unit.rows("SELECT set_config('client_min_messages', 'warning', true)")
            # Asking to make it takes a right on the database, also where it is there.
            if not (await unit.rows("SELECT to_regnamespace('omnicloud') IS NOT NULL"))[0][0]:
                await unit.rows("CREATE SCHEMA omnicloud")
            await unit.rows("CREATE TABLE IF NOT EXISTS omnicloud.made (mark text PRIMARY KEY)")
            for statement in schema:
                await unit.rows(statement)
            await unit.rows("INSERT INTO omnicloud.made VALUES ($1) ON CONFLICT DO NOTHING", mark)

    async def _connect(self) -> Connection:
        config, secret = self.config, self.config.password
        made: Connection = await asyncpg.connect(
            host=config.host,
            port=config.port,
            database=config.database,
            user=config.username,
            password=None if secret is None else secret.get_secret_value(),
            ssl=self._tls,
            timeout=2 * config.connect_timeout,  # the caller's own bound comes first
            statement_cache_size=100 if config.prepared_statements else 0,
            max_cached_statement_lifetime=0,
            server_settings=_settings(config),
        )
        _keep_alive(made)
        return made


async def store_of(config: PostgresConfig, opening: Opening) -> Store:
    """The store of the configured database, opened once in this process's cloud."""

    async def open_() -> Store:
        store = Store(config, opening.clock)
        try:
            await store.facts()
        except BaseException:
            await store.aclose()
            raise
        return store

    secret = None if config.password is None else config.password.get_secret_value()
    key = ("postgres", config.model_dump_json(exclude={"password", "namespace"}), secret)
    return await opening.share(key, open_)


def _keep_alive(connection: Connection) -> None:
    """Have the system ask now and then whether the server is there, as far as it can."""
    transport: asyncio.Transport = cast("Any", connection)._transport  # noqa: SLF001 - there is no other way
    with transport.get_extra_info("socket").dup() as same, suppress(OSError):
        same.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEPT_ALIVE.items():
            if hasattr(socket, name):
                same.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _settings(config: PostgresConfig) -> dict[str, str]:
    """Settings of a session: what the client has given up on does not go on at the server."""
    answer = str(int(config.answer_timeout * 1000))
    return {
        "application_name": "omnicloud",
        "statement_timeout": answer,
        "lock_timeout": str(int(config.answer_timeout * 900)),
        "idle_in_transaction_session_timeout": str(int(config.transaction_timeout * 1000)),
        "client_connection_check_interval": "1000",
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
        "jit": "off",
        "timezone": "UTC",
    }


def _tls(config: PostgresConfig) -> ssl.SSLContext | bool:
    if config.tls == "off":
        return False
    context = trusting(config.tls_ca_file, config.tls_cert_file, config.tls_key_file)
    if config.tls == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
