"""What the provider of Docker says of itself; imports no client."""

from __future__ import annotations

from omnicloud.contracts.containers.models import ContainersFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["DECLARED", "omnicloud_providers"]

DECLARED = frozenset(ContainersFeature) - {
    ContainersFeature.IO_UPDATE,
    ContainersFeature.REPLICAS,
    ContainersFeature.PLACEMENT,
}
"""``durable`` only of an engine with live-restore; ``cpu`` and ``memory`` as its kernel can."""


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``docker``."""
    return [
        Provider(
            name="docker",
            config="omnicloud_docker.config:DockerConfig",
            offers={"containers": Offer("omnicloud_docker.containers:open_containers", DECLARED)},
            summary="Docker Engine, API 1.41 and later",
            distribution="omnicloud-docker",
            status=Status.BETA,
            world="omnicloud_docker.certify:world",
        )
    ]
