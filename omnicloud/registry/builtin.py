"""The provider that comes with the core: ``memory``."""

from __future__ import annotations

from collections.abc import Sequence

from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> Sequence[Provider]:
    """The reference provider, for tests and for reading."""
    from omnicloud.memory import (
        breaker,
        cache,
        containers,
        documents,
        iam,
        kv,
        locks,
        messaging,
        objects,
        outbox,
        sagas,
        secrets,
    )

    return (
        Provider(
            name="memory",
            config="omnicloud.memory.config:MemoryConfig",
            offers={
                "secrets": Offer("omnicloud.memory.open:open_secrets", secrets.FEATURES),
                "objects": Offer("omnicloud.memory.open:open_objects", objects.FEATURES),
                "documents": Offer("omnicloud.memory.open:open_documents", documents.FEATURES),
                "cache": Offer("omnicloud.memory.open:open_cache", cache.FEATURES),
                "locks": Offer("omnicloud.memory.open:open_locks", locks.FEATURES),
                "kv": Offer("omnicloud.memory.open:open_kv", kv.FEATURES),
                "messaging": Offer("omnicloud.memory.open:open_messaging", messaging.FEATURES),
                "outbox": Offer("omnicloud.memory.open:open_outbox", outbox.FEATURES),
                "sagas": Offer("omnicloud.memory.open:open_sagas", sagas.FEATURES),
                "breaker": Offer("omnicloud.memory.open:open_breaker", breaker.FEATURES),
                "iam": Offer("omnicloud.memory.open:open_iam", iam.FEATURES),
                "containers": Offer("omnicloud.memory.open:open_containers", containers.FEATURES),
            },
            summary="In the memory of this process; nothing survives it. For tests.",
            distribution="omnicloud",
            world="omnicloud_tck.reference:world",
            status=Status.STABLE,
        ),
    )
