"""One set of contracts for key-value stores, caches, buckets, queues, locks and more.

Names are imported when they are first used, so that ``import omnicloud`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnicloud.cloud import OmniCloud
    from omnicloud.contracts.kv import KV
    from omnicloud.core.context import acting_as, deadline, tenant
    from omnicloud.errors import (
        AlreadyExistsError,
        AttemptTimeoutError,
        CircuitOpenError,
        ClosedError,
        ConfigurationError,
        ConflictError,
        CorruptedError,
        DeadlineExceededError,
        InternalError,
        InvalidArgumentError,
        LockLostError,
        NotFoundError,
        ObjectNotFoundError,
        OmniCloudError,
        Outcome,
        PermissionDeniedError,
        PublishError,
        ResourceExhaustedError,
        SagaFailedError,
        SagaStateConflictError,
        SecretNotFoundError,
        ThrottledError,
        UnauthenticatedError,
        UnavailableError,
        UnsupportedError,
    )

__all__ = [
    "KV",
    "AlreadyExistsError",
    "AttemptTimeoutError",
    "CircuitOpenError",
    "ClosedError",
    "ConfigurationError",
    "ConflictError",
    "CorruptedError",
    "DeadlineExceededError",
    "InternalError",
    "InvalidArgumentError",
    "LockLostError",
    "NotFoundError",
    "ObjectNotFoundError",
    "OmniCloud",
    "OmniCloudError",
    "Outcome",
    "PermissionDeniedError",
    "PublishError",
    "ResourceExhaustedError",
    "SagaFailedError",
    "SagaStateConflictError",
    "SecretNotFoundError",
    "ThrottledError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "acting_as",
    "deadline",
    "tenant",
]

_ROOMS = {
    "OmniCloud": "cloud",
    "KV": "contracts.kv",
    "acting_as": "core.context",
    "deadline": "core.context",
    "tenant": "core.context",
}
_ERRORS = "errors"


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOMS.get(name, _ERRORS)}")
    value: object = getattr(room, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
