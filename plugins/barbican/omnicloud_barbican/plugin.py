"""What the provider ``barbican`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.secrets.models import SecretsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``barbican``."""
    every = frozenset(SecretsFeature)
    return [
        Provider(
            name="barbican",
            config="omnicloud_barbican.config:BarbicanConfig",
            offers={"secrets": Offer("omnicloud_barbican.secrets:open_secrets", every)},
            summary="OpenStack Barbican, a secret server",
            distribution="omnicloud-barbican",
            status=Status.BETA,
            world="omnicloud_barbican.certify:world",
        )
    ]
