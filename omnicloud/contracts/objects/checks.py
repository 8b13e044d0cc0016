"""What several requests of the objects contract check alike."""

from __future__ import annotations

import hashlib

from omnicloud.contracts.objects.models import Metadata, ObjectsFeature, ObjectsLimits
from omnicloud.core.operation import NO_FEATURES, Effect, Feature
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "check_data",
    "check_metadata",
    "checksum_of",
    "conditional_effect",
    "conditional_needs",
]

_CONDITIONAL: frozenset[Feature] = frozenset({ObjectsFeature.CONDITIONAL})


def checksum_of(data: bytes) -> str:
    """``"sha256:"`` and the hex digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def conditional_needs(version: str | None, *, absent: bool = False) -> frozenset[Feature]:
    """The features of a write under these conditions."""
    return _CONDITIONAL if version is not None or absent else NO_FEATURES


def conditional_effect(version: str | None, *, absent: bool = False) -> Effect:
    """After a lost answer a conditional write would meet its own result and report it."""
    return Effect.ONCE if version is not None or absent else Effect.IDEMPOTENT


def check_data(size_bytes: int, limit: int, what: str) -> None:
    """Refuse content over a limit, by the limit's name."""
    if size_bytes > limit:
        raise InvalidArgumentError(f"{size_bytes} bytes, the limit {what} is {limit}")


def check_metadata(metadata: Metadata, limits: ObjectsLimits) -> None:
    """Refuse metadata over the limit."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata)
    if size > limits.metadata_max_bytes:
        raise InvalidArgumentError(
            f"the metadata has {size} bytes, the limit metadata_max_bytes is "
            f"{limits.metadata_max_bytes}"
        )
