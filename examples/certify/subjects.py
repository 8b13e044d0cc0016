"""Which libraries are tried, and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast

from omnicloud.registry.provider import load
from omnicloud_tck.contract import Contract
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.world import World

__all__ = ["SUBJECTS", "Subject", "subject"]

_ADAPTERS = f"{__package__}.adapters"


@dataclass(frozen=True, slots=True)
class Subject:
    """A library under a contract.

    Attributes:
        name: What the command line calls it.
        distribution: What the package index calls it.
        what: The class of it that was adapted.
        adapter: ``module:function`` below the adapters, which makes worlds.
        laws: ``module:class`` there, for a contract whose class the library's own object
            replaces; empty where a driver was written.
        quick: Whether all its laws take a few seconds.
    """

    name: str
    distribution: str
    what: str
    contract: str
    adapter: str
    laws: str = ""
    quick: bool = False

    @property
    def version(self) -> str:
        """Of the distribution that is installed."""
        return version(self.distribution)

    def make_world(self) -> World[Any]:
        """A fresh world of it."""
        make = cast("Callable[[], World[Any]]", load(f"{_ADAPTERS}.{self.adapter}"))
        return make()

    def contract_class(self) -> type[Contract]:
        """The class of the laws it is held against."""
        if not self.laws:
            return contract_class(self.contract)
        return cast("type[Contract]", load(f"{_ADAPTERS}.{self.laws}"))


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "key-value-memory",
        "py-key-value-aio",
        "MemoryStore",
        "kv",
        "key_value_kv:memory_world",
    ),
    Subject("key-value-disk", "py-key-value-aio", "DiskStore", "kv", "key_value_kv:disk_world"),
    Subject(
        "aiocache",
        "aiocache",
        "SimpleMemoryCache",
        "cache",
        "aiocache_memory:world",
        quick=True,
    ),
    Subject("cashews-memory", "cashews", "mem://", "cache", "cashews_cache:memory_world"),
    Subject("cashews-disk", "cashews", "disk://", "cache", "cashews_cache:disk_world"),
    Subject("diskcache", "diskcache", "Cache", "cache", "diskcache_cache:world"),
    Subject("obstore-local", "obstore", "LocalStore", "objects", "obstore_objects:local_world"),
    Subject("obstore-memory", "obstore", "MemoryStore", "objects", "obstore_objects:memory_world"),
    Subject("fsspec-local", "fsspec", "file", "objects", "fsspec_objects:local_world"),
    Subject("fsspec-memory", "fsspec", "memory", "objects", "fsspec_objects:memory_world"),
    Subject(
        "aiobreaker",
        "aiobreaker",
        "CircuitBreaker",
        "breaker",
        "breaker_objects:world",
        laws="aiobreaker_breaker:AiobreakerLaws",
    ),
    Subject(
        "aiobreaker-unwrapped",
        "aiobreaker",
        "CircuitBreaker, the tripping error unwrapped",
        "breaker",
        "breaker_objects:world",
        laws="aiobreaker_breaker:UnwrappedLaws",
    ),
    Subject(
        "purgatory",
        "purgatory",
        "AsyncCircuitBreakerFactory",
        "breaker",
        "breaker_objects:world",
        laws="purgatory_breaker:PurgatoryLaws",
    ),
    Subject("redis-lock", "redis", "redis.asyncio.lock.Lock", "locks", "redis_locks:world"),
    Subject("filelock", "filelock", "FileLock", "locks", "filelock_locks:world"),
    Subject("litequeue", "litequeue", "LiteQueue", "messaging", "litequeue_messaging:world"),
    Subject(
        "persist-queue",
        "persist-queue",
        "SQLiteAckQueue",
        "messaging",
        "persistqueue_messaging:world",
    ),
    Subject(
        "casbin",
        "casbin",
        "Enforcer",
        "iam",
        "iam_objects:world",
        laws="casbin_iam:CasbinLaws",
    ),
    Subject(
        "cedarpy",
        "cedarpy",
        "is_authorized",
        "iam",
        "iam_objects:world",
        laws="cedar_iam:CedarLaws",
    ),
)


def subject(name: str) -> Subject:
    """The subject of that name.

    Raises:
        LookupError: There is none.
    """
    for one in SUBJECTS:
        if one.name == name:
            return one
    raise LookupError(f"no subject {name!r}; there are: {', '.join(s.name for s in SUBJECTS)}")
