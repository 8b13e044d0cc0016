"""What is declared of an engine: what it and its kernel can do."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import ContainersFeature
from omnicloud.core.operation import Feature
from omnicloud_docker.plugin import DECLARED

__all__ = ["features_of"]

_NO_THROTTLING = ("No blkio throttle", "No io.max")  # by version 1 and 2 of control groups


def features_of(info: dict[str, Any], disk: str | None) -> frozenset[Feature]:
    """What is declared, less what this engine and its kernel cannot do."""
    lacking = {
        ContainersFeature.DURABLE: not info.get("LiveRestoreEnabled"),
        ContainersFeature.CPU: not info.get("CpuCfsQuota"),
        ContainersFeature.THROTTLING: not info.get("CpuCfsQuota"),
        ContainersFeature.MEMORY: not info.get("MemoryLimit"),
        ContainersFeature.IO: disk is None or _lacks_throttling(info),
    }
    return DECLARED - {feature for feature, is_lacking in lacking.items() if is_lacking}


def _lacks_throttling(info: dict[str, Any]) -> bool:
    """Whether the engine warns that its kernel limits no reads or writes of a disk."""
    warned = " ".join(info.get("Warnings") or ())
    return any(words in warned for words in _NO_THROTTLING)
