"""What the provider of processes says of itself; imports no psutil."""

from __future__ import annotations

from omnicloud.contracts.containers.models import ContainersFeature
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider, Status

__all__ = ["DECLARED", "omnicloud_providers"]

_F = ContainersFeature
DECLARED = frozenset(
    {
        *(_F.CPU, _F.MEMORY, _F.THROTTLING, _F.IO, _F.IO_UPDATE),
        *(_F.PAUSE, _F.EXEC, _F.STATS, _F.EVENTS, _F.HEALTH),
    },
)
"""Those of a machine that lets limits be set; elsewhere without the first five, or ``io…``."""


@hookimpl
def omnicloud_providers() -> list[Provider]:
    """The provider ``process``."""
    return [
        Provider(
            name="process",
            config="omnicloud_process.config:ProcessConfig",
            offers={
                "containers": Offer("omnicloud_process.containers:open_containers", DECLARED),
            },
            summary="Containers as plain processes of this machine, without isolation",
            distribution="omnicloud-process",
            status=Status.BETA,
            world="omnicloud_process.certify:world",
        )
    ]
