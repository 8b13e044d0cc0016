"""What the provider ``postgres`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.documents.models import DocumentsFeature
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.models import LocksFeature
from omnicloud.contracts.messaging.models import MessagingFeature
from omnicloud.contracts.outbox.models import OutboxFeature
from omnicloud.contracts.sagas.models import SagaFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``postgres``."""
    return [
        Provider(
            name="postgres",
            config="omnicloud_postgres.config:PostgresConfig",
            offers={
                "kv": Offer("omnicloud_postgres.kv:open_kv", frozenset(KVFeature)),
                "documents": Offer(
                    "omnicloud_postgres.documents:open_documents", frozenset(DocumentsFeature)
                ),
                "outbox": Offer("omnicloud_postgres.outbox:open_outbox", frozenset(OutboxFeature)),
                "sagas": Offer("omnicloud_postgres.sagas:open_sagas", frozenset(SagaFeature)),
                "locks": Offer("omnicloud_postgres.locks:open_locks", frozenset(LocksFeature)),
                "messaging": Offer(
                    "omnicloud_postgres.messaging:open_messaging", frozenset(MessagingFeature)
                ),
            },
            summary="PostgreSQL",
            distribution="omnicloud-postgres",
            status=Status.BETA,
            world="omnicloud_postgres.certify:world",
        )
    ]
