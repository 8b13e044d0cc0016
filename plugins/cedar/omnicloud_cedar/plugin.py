"""What the provider ``cedar`` says of itself; imports no engine."""

from __future__ import annotations

from omnicloud.contracts.iam.models import IAMFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``cedar``."""
    return [
        Provider(
            name="cedar",
            config="omnicloud_cedar.config:CedarConfig",
            offers={"iam": Offer("omnicloud_cedar.iam:open_iam", frozenset(IAMFeature))},
            summary="Access rules decided by the Cedar policy engine, in process",
            distribution="omnicloud-cedar",
            status=Status.BETA,
            world="omnicloud_cedar.certify:world",
        )
    ]
