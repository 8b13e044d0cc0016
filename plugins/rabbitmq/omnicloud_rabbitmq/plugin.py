"""What the provider ``rabbitmq`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.messaging.models import MessagingFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]

_MESSAGING = frozenset({MessagingFeature.DELAYED, MessagingFeature.DURABLE})


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``rabbitmq``."""
    return [
        Provider(
            name="rabbitmq",
            config="omnicloud_rabbitmq.config:RabbitConfig",
            offers={
                "messaging": Offer("omnicloud_rabbitmq.messaging:open_messaging", _MESSAGING),
            },
            summary="RabbitMQ 3.10 and newer",
            distribution="omnicloud-rabbitmq",
            status=Status.BETA,
            world="omnicloud_rabbitmq.certify:world",
        )
    ]
