"""How services of the memory provider are opened: one store for all that name it."""

from __future__ import annotations

from omnicloud.core.opening import Opening
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.config import MemoryConfig
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore

__all__ = [
    "open_breaker",
    "open_cache",
    "open_containers",
    "open_documents",
    "open_iam",
    "open_kv",
    "open_locks",
    "open_messaging",
    "open_objects",
    "open_outbox",
    "open_sagas",
    "open_secrets",
]


async def _store(config: MemoryConfig, opening: Opening) -> MemoryStore:
    async def make() -> MemoryStore:
        return MemoryStore(opening.clock)

    return await opening.share(("memory", config.store), make)


def _namespace(config: MemoryConfig, opening: Opening) -> str:
    return opening.service.name if config.namespace is None else config.namespace


async def open_kv(config: MemoryConfig, opening: Opening) -> MemoryKV:
    """A kv driver in memory."""
    return MemoryKV(await _store(config, opening), _namespace(config, opening))


async def open_messaging(config: MemoryConfig, opening: Opening) -> MemoryMessaging:
    """A messaging driver in memory."""
    return MemoryMessaging(await _store(config, opening), _namespace(config, opening))


async def open_outbox(config: MemoryConfig, opening: Opening) -> MemoryOutbox:
    """An outbox driver in memory."""
    return MemoryOutbox(await _store(config, opening), _namespace(config, opening))


async def open_sagas(config: MemoryConfig, opening: Opening) -> MemorySagas:
    """A sagas driver in memory."""
    return MemorySagas(await _store(config, opening), _namespace(config, opening))


async def open_documents(config: MemoryConfig, opening: Opening) -> MemoryDocuments:
    """A documents driver in memory."""
    return MemoryDocuments(await _store(config, opening), _namespace(config, opening))


async def open_objects(config: MemoryConfig, opening: Opening) -> MemoryObjects:
    """An objects driver in memory."""
    return MemoryObjects(await _store(config, opening), _namespace(config, opening))


async def open_secrets(config: MemoryConfig, opening: Opening) -> MemorySecrets:
    """A secrets driver in memory."""
    return MemorySecrets(await _store(config, opening), _namespace(config, opening))


async def open_breaker(config: MemoryConfig, opening: Opening) -> MemoryBreaker:
    """A breaker driver in memory."""
    return MemoryBreaker(await _store(config, opening), _namespace(config, opening))


async def open_iam(config: MemoryConfig, opening: Opening) -> MemoryIAM:
    """An iam driver in memory."""
    return MemoryIAM(await _store(config, opening), _namespace(config, opening))


async def open_cache(config: MemoryConfig, opening: Opening) -> MemoryCache:
    """A cache driver in memory."""
    return MemoryCache(await _store(config, opening), _namespace(config, opening))


async def open_locks(config: MemoryConfig, opening: Opening) -> MemoryLocks:
    """A locks driver in memory."""
    return MemoryLocks(await _store(config, opening), _namespace(config, opening))


async def open_containers(config: MemoryConfig, opening: Opening) -> MemoryContainers:
    """A containers driver in memory."""
    return MemoryContainers(await _store(config, opening), _namespace(config, opening))
