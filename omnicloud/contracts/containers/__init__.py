"""Programs that run apart: started, watched, limited and stopped by an engine."""

from omnicloud.contracts.containers.driver import ContainersDriver
from omnicloud.contracts.containers.models import (
    Container,
    ContainersFeature,
    ContainersLimits,
    ContainerSpec,
    Event,
    EventKind,
    ExecResult,
    Health,
    HealthCheck,
    Image,
    LogLine,
    Mount,
    Port,
    Resources,
    RestartPolicy,
    RestartWhen,
    State,
    Stats,
    Stream,
)
from omnicloud.contracts.containers.portable import Containers

__all__ = [
    "Container",
    "ContainerSpec",
    "Containers",
    "ContainersDriver",
    "ContainersFeature",
    "ContainersLimits",
    "Event",
    "EventKind",
    "ExecResult",
    "Health",
    "HealthCheck",
    "Image",
    "LogLine",
    "Mount",
    "Port",
    "Resources",
    "RestartPolicy",
    "RestartWhen",
    "State",
    "Stats",
    "Stream",
]
