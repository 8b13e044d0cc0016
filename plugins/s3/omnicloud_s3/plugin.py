"""What the provider ``s3`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``s3``."""
    return [
        Provider(
            name="s3",
            config="omnicloud_s3.config:S3Config",
            offers={
                "objects": Offer("omnicloud_s3.objects:open_objects", frozenset(ObjectsFeature))
            },
            summary="Amazon S3 and services that speak its protocol",
            distribution="omnicloud-s3",
            status=Status.BETA,
            world="omnicloud_s3.certify:world",
        )
    ]
