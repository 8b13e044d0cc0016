"""What the shelf says of itself; it opens nothing and imports no driver."""

from __future__ import annotations

from omnicloud.contracts.kv.models import KVFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``shelf``."""
    return [
        Provider(
            name="shelf",
            config="omnicloud_shelf.config:ShelfConfig",
            offers={"kv": Offer("omnicloud_shelf.kv:open_kv", frozenset({KVFeature.DURABLE}))},
            summary="One file for each key",
            distribution="omnicloud-shelf",
            status=Status.ALPHA,
            world="omnicloud_shelf.certify:world",
        )
    ]
