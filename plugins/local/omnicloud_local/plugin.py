"""What the embedded default says of itself; imports neither SQLite nor cryptography."""

from __future__ import annotations

from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.secrets.models import SecretsFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``local``."""
    return [
        Provider(
            name="local",
            config="omnicloud_local.config:LocalConfig",
            offers={
                "kv": Offer("omnicloud_local.kv:open_kv", frozenset(KVFeature)),
                "secrets": Offer("omnicloud_local.secrets:open_secrets", frozenset(SecretsFeature)),
            },
            summary="SQLite, files and an encrypted secret store in one folder",
            distribution="omnicloud-local",
            world="omnicloud_local.certify:world",
        )
    ]
