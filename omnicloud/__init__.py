"""One set of contracts for key-value stores, caches, buckets, queues, locks and more.

Names are imported when they are first used, so that ``import omnicloud`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnicloud.cloud import OmniCloud
    from omnicloud.contracts.breaker import Breaker, CircuitState
    from omnicloud.contracts.cache import Cache
    from omnicloud.contracts.containers import Containers, ContainerSpec
    from omnicloud.contracts.documents import Documents
    from omnicloud.contracts.iam import IAM
    from omnicloud.contracts.kv import KV
    from omnicloud.contracts.locks import Locks
    from omnicloud.contracts.messaging import Message, Messaging, ProcessingOutcome
    from omnicloud.contracts.objects import Objects
    from omnicloud.contracts.outbox import Outbox, OutboxEvent, Relay
    from omnicloud.contracts.sagas import (
        Saga,
        SagaEngine,
        SagaState,
        SagaStates,
        SagaStepHistory,
        StepContext,
        step,
    )
    from omnicloud.contracts.secrets import Secret, Secrets
    from omnicloud.core.backoff import Backoff
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
    from omnicloud.workers import TenantWorkers

__all__ = [
    "IAM",
    "KV",
    "AlreadyExistsError",
    "AttemptTimeoutError",
    "Backoff",
    "Breaker",
    "Cache",
    "CircuitOpenError",
    "CircuitState",
    "ClosedError",
    "ConfigurationError",
    "ConflictError",
    "ContainerSpec",
    "Containers",
    "CorruptedError",
    "DeadlineExceededError",
    "Documents",
    "InternalError",
    "InvalidArgumentError",
    "LockLostError",
    "Locks",
    "Message",
    "Messaging",
    "NotFoundError",
    "ObjectNotFoundError",
    "Objects",
    "OmniCloud",
    "OmniCloudError",
    "Outbox",
    "OutboxEvent",
    "Outcome",
    "PermissionDeniedError",
    "ProcessingOutcome",
    "PublishError",
    "Relay",
    "ResourceExhaustedError",
    "Saga",
    "SagaEngine",
    "SagaFailedError",
    "SagaState",
    "SagaStateConflictError",
    "SagaStates",
    "SagaStepHistory",
    "Secret",
    "SecretNotFoundError",
    "Secrets",
    "StepContext",
    "TenantWorkers",
    "ThrottledError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "acting_as",
    "deadline",
    "step",
    "tenant",
]

_ROOMS = {
    "OmniCloud": "cloud",
    "Backoff": "core.backoff",
    "Breaker": "contracts.breaker",
    "Cache": "contracts.cache",
    "CircuitState": "contracts.breaker",
    "ContainerSpec": "contracts.containers",
    "Containers": "contracts.containers",
    "Documents": "contracts.documents",
    "IAM": "contracts.iam",
    "KV": "contracts.kv",
    "Locks": "contracts.locks",
    "Message": "contracts.messaging",
    "Messaging": "contracts.messaging",
    "Objects": "contracts.objects",
    "Outbox": "contracts.outbox",
    "OutboxEvent": "contracts.outbox",
    "ProcessingOutcome": "contracts.messaging",
    "Relay": "contracts.outbox",
    "Saga": "contracts.sagas",
    "SagaEngine": "contracts.sagas",
    "SagaState": "contracts.sagas",
    "SagaStates": "contracts.sagas",
    "SagaStepHistory": "contracts.sagas",
    "Secret": "contracts.secrets",
    "Secrets": "contracts.secrets",
    "StepContext": "contracts.sagas",
    "TenantWorkers": "workers",
    "acting_as": "core.context",
    "deadline": "core.context",
    "step": "contracts.sagas",
    "tenant": "core.context",
}
_ERRORS = "errors"


if not TYPE_CHECKING:  # a type checker that saw it would take every misspelt name for one of ours

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        room = import_module(f"{__name__}.{_ROOMS.get(name, _ERRORS)}")
        value: object = getattr(room, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
