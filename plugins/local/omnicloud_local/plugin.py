"""What the embedded default says of itself; imports neither SQLite nor cryptography."""

from __future__ import annotations

from omnicloud.contracts.breaker.models import BreakerFeature
from omnicloud.contracts.cache.models import CacheFeature
from omnicloud.contracts.documents.models import DocumentsFeature
from omnicloud.contracts.iam.models import IAMFeature
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.models import LocksFeature
from omnicloud.contracts.messaging.models import MessagingFeature
from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud.contracts.outbox.models import OutboxFeature
from omnicloud.contracts.sagas.models import SagaFeature
from omnicloud.contracts.secrets.models import SecretsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider

__all__ = ["omnicloud_providers"]

_OBJECTS = frozenset(ObjectsFeature) - {ObjectsFeature.PRESIGN}
_DOCUMENTS = frozenset(DocumentsFeature)


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``local``."""
    return [
        Provider(
            name="local",
            config="omnicloud_local.config:LocalConfig",
            offers={
                "kv": Offer("omnicloud_local.kv:open_kv", frozenset(KVFeature)),
                "cache": Offer("omnicloud_local.cache:open_cache", frozenset(CacheFeature)),
                "locks": Offer("omnicloud_local.locks:open_locks", frozenset(LocksFeature)),
                "secrets": Offer("omnicloud_local.secrets:open_secrets", frozenset(SecretsFeature)),
                "objects": Offer(
                    "omnicloud_local.objects:open_objects",
                    _OBJECTS,
                ),
                "documents": Offer("omnicloud_local.documents:open_documents", _DOCUMENTS),
                "messaging": Offer(
                    "omnicloud_local.messaging:open_messaging", frozenset(MessagingFeature)
                ),
                "outbox": Offer("omnicloud_local.outbox:open_outbox", frozenset(OutboxFeature)),
                "sagas": Offer("omnicloud_local.sagas:open_sagas", frozenset(SagaFeature)),
                "breaker": Offer("omnicloud_local.breaker:open_breaker", frozenset(BreakerFeature)),
                "iam": Offer("omnicloud_local.iam:open_iam", frozenset(IAMFeature)),
            },
            summary="SQLite, files and an encrypted secret store in one folder",
            distribution="omnicloud-local",
            world="omnicloud_local.certify:world",
        )
    ]
