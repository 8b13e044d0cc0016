"""What the provider ``sops`` says of itself; imports no cryptography."""

from __future__ import annotations

from omnicloud.contracts.secrets.models import SecretsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]

_SECRETS = frozenset({SecretsFeature.WATCH, SecretsFeature.DURABLE})


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``sops``."""
    return [
        Provider(
            name="sops",
            config="omnicloud_sops.config:SopsConfig",
            offers={"secrets": Offer("omnicloud_sops.secrets:open_secrets", _SECRETS)},
            summary="Secrets from SOPS files encrypted with age, for GitOps",
            distribution="omnicloud-sops",
            status=Status.BETA,
            world="omnicloud_sops.certify:world",
        )
    ]
