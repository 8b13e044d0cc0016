"""What the provider ``gcs`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``gcs``."""
    return [
        Provider(
            name="gcs",
            config="omnicloud_gcs.config:GcsConfig",
            offers={
                "objects": Offer("omnicloud_gcs.objects:open_objects", frozenset(ObjectsFeature))
            },
            summary="Google Cloud Storage",
            distribution="omnicloud-gcs",
            status=Status.BETA,
            world="omnicloud_gcs.certify:world",
        )
    ]
