"""One server, shared by all services with the same address and credentials."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redis import exceptions as native
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from omnicloud.core.clock import Clock
from omnicloud.core.opening import Opening
from omnicloud.core.tls import trusting
from omnicloud.errors import ConfigurationError
from omnicloud_redis.commands import Argument
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.errors import translated
from omnicloud_redis.pool import Pool

__all__ = ["OLDEST", "Script", "ServerFacts", "Store", "keeps_everything", "store_of"]

_CLIENT_NAME = "omnicloud"
_LEADS_TO_PRIMARY = "give the url of the primary, or of what leads to it: a service name or a proxy"

OLDEST = (7, 0)
"""The oldest version served: scripts that write after they read the time."""


@dataclass(frozen=True, slots=True)
class Script:
    """Lua that the server runs as one step; it keeps the text by its digest."""

    text: str = field(repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "digest", digest)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says of itself when it is first reached."""

    product: str
    version: str
    evicts: bool
    fsyncs: bool


class Store:
    """Calls of one server. Never repeats a request that may have been done."""

    def __init__(self, config: RedisConfig, clock: Clock) -> None:
        self.clock = clock
        self.config = config
        make, where = _maker(config), _address(config)
        timeouts = {"timeout": config.answer_timeout, "connect_timeout": config.connect_timeout}
        self._calls = Pool(make, where, most=config.max_connections, **timeouts)
        self._waits = Pool(make, where, most=config.max_waiting, **timeouts)
        self._facts: ServerFacts | None = None

    @property
    def open_connections(self) -> int:
        """How many connections there are."""
        return self._calls.open_connections + self._waits.open_connections

    async def call(self, *command: Argument) -> Any:
        """One command.

        Raises:
            OmniCloudError: As the table in ``errors`` says.
        """
        try:
            return await self._calls.call(command)
        except native.RedisError as error:
            raise translated(error) from error

    async def wait(self, seconds: float, *command: Argument) -> Any:
        """One command that the server answers within ``seconds``, on a connection for such."""
        try:
            return await self._waits.call(command, seconds)
        except native.RedisError as error:
            raise translated(error) from error

    async def run(
        self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument] = ()
    ) -> Any:
        """Run a script as one step."""
        try:
            try:
                return await self._calls.call(
                    ("EVALSHA", script.digest, len(keys), *keys, *arguments)
                )
            except native.NoScriptError:
                # Nothing was done: the server has forgotten the text, at a restart say.
                return await self._calls.call(("EVAL", script.text, len(keys), *keys, *arguments))
        except native.RedisError as error:
            raise translated(error) from error

    async def facts(self) -> ServerFacts:
        """What the server is; asked once.

        Raises:
            ConfigurationError: It is older than :data:`OLDEST`, a replica, a sentinel or one of
                several that share the keys of a cluster.
        """
        if self._facts is None:
            self._facts = await self._asked_facts()
        return self._facts

    async def aclose(self) -> None:
        """Close all connections."""
        await self._calls.aclose()
        await self._waits.aclose()

    async def _asked_facts(self) -> ServerFacts:
        said = _lines(await self.call("INFO", "server"))
        product, version = _product(said)
        compatible = said.get("redis_version", "0")
        if _number(compatible) < OLDEST:
            raise ConfigurationError(
                f"the server is {product} {version}, too old for this provider",
                hint=f"run Redis {OLDEST[0]}.{OLDEST[1]} or newer, or Valkey",
            )
        _check_mode(said)
        if _mode(said) == "cluster":
            _check_whole(_lines(await self.call("CLUSTER", "INFO")))
        said |= _lines(await self.call("INFO", "memory", "replication"))
        _check_role(said)
        bounded = said.get("maxmemory", "0") != "0"
        evicts = bounded and said.get("maxmemory_policy", "noeviction") != "noeviction"
        fsyncs = self.config.durability == "fsync" and await self._fsyncs()
        return ServerFacts(product, version, evicts, fsyncs)

    async def _fsyncs(self) -> bool:
        try:
            said = await self._calls.call(("CONFIG", "GET", "append*"))
        except native.ResponseError:
            return False  # what the server does not confirm is not declared
        pairs = dict(zip(said[::2], said[1::2], strict=True))
        return pairs.get(b"appendonly") == b"yes" and pairs.get(b"appendfsync") == b"always"


async def store_of(config: RedisConfig, opening: Opening) -> Store:
    """The store of the configured server, opened once in this process's cloud."""

    async def open_() -> Store:
        store = Store(config, opening.clock)
        try:
            await store.facts()
        except BaseException:
            await store.aclose()
            raise
        return store

    secret = None if config.password is None else config.password.get_secret_value()
    key = ("redis", config.model_dump_json(exclude={"password", "namespace"}), secret)
    return await opening.share(key, open_)


async def keeps_everything(store: Store) -> None:
    """Refuse a server that throws keys away when its memory is full.

    Raises:
        ConfigurationError: Its maxmemory-policy evicts keys, if only those that expire: locks do.
    """
    if (await store.facts()).evicts:
        raise ConfigurationError(
            "the server evicts keys when its memory is full (maxmemory-policy)",
            hint="set maxmemory-policy noeviction, or use this server for a cache only",
        )


def _mode(said: dict[str, str]) -> str:
    return said.get("redis_mode", said.get("server_mode", "standalone"))


def _check_mode(said: dict[str, str]) -> None:
    """Refuse a server that keeps no data."""
    if _mode(said) == "sentinel":
        raise ConfigurationError(
            "the server is a sentinel, which keeps no data",
            hint=_LEADS_TO_PRIMARY,
        )


def _check_whole(said: dict[str, str]) -> None:
    """Refuse a cluster of which a server has not all keys: they may move to another."""
    if said.get("cluster_size") != "1":
        raise ConfigurationError(
            f"the server is one of {said.get('cluster_size', 'several')} that share the keys of a "
            "cluster, which this provider does not serve",
            hint="give the url of a server outside cluster mode, or of a cluster of one shard",
        )


def _check_role(said: dict[str, str]) -> None:
    """Refuse a server that takes no writes."""
    if said.get("role", "master") != "master":
        raise ConfigurationError(
            "the server is a replica, which takes no writes", hint=_LEADS_TO_PRIMARY
        )


async def _introduced(connection: AbstractConnection) -> None:
    """Log in, and give the server a name to show where the user may do that."""
    await connection.on_connect()
    await connection.send_command("CLIENT", "SETNAME", _CLIENT_NAME, check_health=False)
    with suppress(native.NoPermissionError):
        await connection.read_response()


def _maker(config: RedisConfig) -> Any:
    options: dict[str, Any] = dict(parse_url(config.url))
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    if issubclass(kind, SSLConnection):
        trusting(config.tls_ca_file, config.tls_cert_file, config.tls_key_file)
        options |= {
            "ssl_ca_certs": config.tls_ca_file and str(config.tls_ca_file),
            "ssl_certfile": config.tls_cert_file and str(config.tls_cert_file),
            "ssl_keyfile": config.tls_key_file and str(config.tls_key_file),
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,
        }
    options |= {
        "username": config.username,
        "password": config.password and config.password.get_secret_value(),
        "socket_timeout": None,
        "socket_connect_timeout": config.connect_timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "redis_connect_func": _introduced,
        "driver_info": None,
    }
    return lambda: kind(**options)


def _address(config: RedisConfig) -> str:
    parts = urlsplit(config.url)
    return parts.netloc or parts.path


def _number(version: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, version.split(".")[:2]))
    except ValueError:
        raise ConfigurationError(
            "the server tells no version of Redis", hint="check the url"
        ) from None


def _product(said: dict[str, str]) -> tuple[str, str]:
    if "valkey_version" in said:
        return "Valkey", said["valkey_version"]
    return "Redis", said.get("redis_version", "unknown")


def _lines(answer: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in answer.decode().splitlines())
    return {name: value for name, colon, value in pairs if colon}
