"""Values of the sagas contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from omnicloud.core.operation import Feature, Limits

__all__ = ["JSON", "SagaFeature", "SagaLimits", "SagaRecord", "SagaState", "SagaStepHistory"]

JSON = dict[str, object]
"""Text, numbers, booleans, ``None``, and lists and dicts (by text) of these."""


class SagaFeature(Feature):
    """What a sagas driver may declare."""

    LIST = "list"
    """``list`` gives the sagas of a status."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SagaLimits(Limits):
    """Bounds of a sagas driver.

    Attributes:
        payload_max_bytes: At least 4 KiB, so that every application can count on it.
        history_max_entries: At least 60.
    """

    payload_max_bytes: int = 1 << 20
    history_max_entries: int = 10_000


class SagaStepHistory(NamedTuple):
    """Something that happened to a step."""

    step_name: str
    status: str


class SagaState(NamedTuple):
    """A saga as it is stored.

    Attributes:
        status: Any name; the engine's are in :class:`SagaStatus`.
        history: What happened, oldest first.
        payload: A dict of JSON.
        version: 1 when created, one more with each update.
    """

    saga_id: str
    status: str
    current_step: str | int | None
    history: Sequence[SagaStepHistory]
    payload: JSON
    version: int = 0


@dataclass(frozen=True, slots=True)
class SagaRecord:
    """A saga as a driver knows it; ``payload`` is JSON in UTF-8."""

    saga_id: str
    status: str
    current_step: str | int | None
    history: tuple[tuple[str, str], ...]
    payload: bytes = field(repr=False)
    version: int
