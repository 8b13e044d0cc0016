"""What the provider ``nats`` says of itself; imports no client of the server."""

from __future__ import annotations

from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.models import LocksFeature
from omnicloud.contracts.messaging.models import MessagingFeature
from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]

_KV = frozenset(KVFeature) - {KVFeature.TRANSACTION}
_OBJECTS = frozenset(ObjectsFeature) - {ObjectsFeature.PRESIGN}


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``nats``."""
    return [
        Provider(
            name="nats",
            config="omnicloud_nats.config:NatsConfig",
            offers={
                "kv": Offer("omnicloud_nats.kv:open_kv", _KV),
                "messaging": Offer(
                    "omnicloud_nats.messaging:open_messaging", frozenset(MessagingFeature)
                ),
                "objects": Offer("omnicloud_nats.objects:open_objects", _OBJECTS),
                "locks": Offer("omnicloud_nats.locks:open_locks", frozenset(LocksFeature)),
            },
            summary="NATS with JetStream",
            distribution="omnicloud-nats",
            status=Status.BETA,
            world="omnicloud_nats.certify:world",
        )
    ]
