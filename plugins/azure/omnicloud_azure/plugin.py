"""What the provider ``azure`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``azure``."""
    return [
        Provider(
            name="azure",
            config="omnicloud_azure.config:AzureConfig",
            offers={
                "objects": Offer("omnicloud_azure.objects:open_objects", frozenset(ObjectsFeature))
            },
            summary="Azure Blob Storage",
            distribution="omnicloud-azure",
            status=Status.BETA,
            world="omnicloud_azure.certify:world",
        )
    ]
