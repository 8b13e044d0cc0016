"""What the provider ``aws`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.documents.models import DocumentsFeature
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.messaging.models import MessagingFeature
from omnicloud.contracts.secrets.models import SecretsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]

_MESSAGING = frozenset({MessagingFeature.DELAYED, MessagingFeature.DURABLE})
_KV = frozenset(KVFeature) - {KVFeature.WATCH, KVFeature.TRANSACTION}
_DOCUMENTS = frozenset(DocumentsFeature) - {DocumentsFeature.TRANSACTION}


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``aws``."""
    return [
        Provider(
            name="aws",
            config="omnicloud_aws.config:AWSConfig",
            offers={
                "documents": Offer("omnicloud_aws.documents:open_documents", _DOCUMENTS),
                "kv": Offer("omnicloud_aws.kv:open_kv", _KV),
                "messaging": Offer("omnicloud_aws.messaging:open_messaging", _MESSAGING),
                "secrets": Offer("omnicloud_aws.secrets:open_secrets", frozenset(SecretsFeature)),
            },
            summary="Services of AWS: Secrets Manager, DynamoDB, SNS and SQS",
            distribution="omnicloud-aws",
            status=Status.BETA,
            world="omnicloud_aws.certify:world",
        )
    ]
