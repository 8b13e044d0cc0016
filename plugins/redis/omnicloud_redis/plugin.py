"""What the provider ``redis`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.breaker.models import BreakerFeature
from omnicloud.contracts.cache.models import CacheFeature
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.models import LocksFeature
from omnicloud.contracts.messaging.models import MessagingFeature
from omnicloud.contracts.outbox.models import OutboxFeature
from omnicloud.contracts.sagas.models import SagaFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]

_KV = frozenset(KVFeature)
_OUTBOX = frozenset(OutboxFeature)


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``redis``."""
    return [
        Provider(
            name="redis",
            config="omnicloud_redis.config:RedisConfig",
            offers={
                "kv": Offer("omnicloud_redis.kv:open_kv", _KV),
                "cache": Offer("omnicloud_redis.cache:open_cache", frozenset(CacheFeature)),
                "locks": Offer("omnicloud_redis.locks:open_locks", frozenset(LocksFeature)),
                "messaging": Offer(
                    "omnicloud_redis.messaging:open_messaging", frozenset(MessagingFeature)
                ),
                "sagas": Offer("omnicloud_redis.sagas:open_sagas", frozenset(SagaFeature)),
                "outbox": Offer("omnicloud_redis.outbox:open_outbox", _OUTBOX),
                "breaker": Offer("omnicloud_redis.breaker:open_breaker", frozenset(BreakerFeature)),
            },
            summary="Redis 7 and Valkey",
            distribution="omnicloud-redis",
            status=Status.BETA,
            world="omnicloud_redis.certify:world",
        )
    ]
