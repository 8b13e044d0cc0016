"""Limits of containers: what asking for them needs, and which a driver takes."""

from __future__ import annotations

from omnicloud.contracts.containers.models import ContainersFeature, ContainersLimits, Resources
from omnicloud.core.operation import Feature
from omnicloud.errors import InvalidArgumentError

__all__ = ["check_resources", "features_for", "limits_io"]


def limits_io(asked: Resources) -> bool:
    """Whether it has a limit of reads or writes."""
    rates = (asked.read_bps, asked.write_bps, asked.read_iops, asked.write_iops)
    return any(rate is not None for rate in rates)


def features_for(asked: Resources) -> frozenset[Feature]:
    """What a driver must declare to set these limits."""
    needed = {
        ContainersFeature.CPU: asked.cpu is not None,
        ContainersFeature.MEMORY: asked.memory_bytes is not None,
        ContainersFeature.IO: limits_io(asked),
    }
    return frozenset(feature for feature, is_needed in needed.items() if is_needed)


def check_resources(asked: Resources, limits: ContainersLimits) -> None:
    """See that a driver takes these limits.

    Raises:
        InvalidArgumentError: One is beyond a bound of the driver.
    """
    if asked.cpu is not None and asked.cpu > limits.cpu_max:
        raise InvalidArgumentError(f"cpu is {asked.cpu}, the limit cpu_max is {limits.cpu_max}")
    _check_least("memory_bytes", asked.memory_bytes, "memory_min_bytes", limits.memory_min_bytes)
    for name in ("read_bps", "write_bps"):
        _check_least(name, getattr(asked, name), "bps_min", limits.bps_min)


def _check_least(name: str, value: int | None, limit: str, least: int) -> None:
    if value is not None and value < least:
        raise InvalidArgumentError(
            f"{name} is {value}, the limit {limit} is {least}", hint="it is in bytes"
        )
