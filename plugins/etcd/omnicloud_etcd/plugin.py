"""What the provider ``etcd`` says of itself; imports no client library."""

from __future__ import annotations

from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.models import LocksFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["omnicloud_providers"]


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``etcd``."""
    return [
        Provider(
            name="etcd",
            config="omnicloud_etcd.config:EtcdConfig",
            offers={
                "kv": Offer("omnicloud_etcd.kv:open_kv", frozenset(KVFeature)),
                "locks": Offer("omnicloud_etcd.locks:open_locks", frozenset(LocksFeature)),
            },
            summary="etcd 3.4 and newer",
            distribution="omnicloud-etcd",
            status=Status.BETA,
            world="omnicloud_etcd.certify:world",
        )
    ]
