"""Every error that can leave the library.

::

    OmniCloudError
    ├── ConfigurationError            what was said cannot be run; nothing was opened
    ├── InvalidArgumentError          the call breaks a bound of its contract     (ValueError)
    ├── UnsupportedError              the provider did not declare the feature
    ├── ClosedError                   the resource was closed before or during the call
    ├── UnauthenticatedError          the service does not know who is asking
    ├── PermissionDeniedError         it knows, and says no
    ├── NotFoundError                 the caller asserted presence, and it is absent
    │   ├── ObjectNotFoundError
    │   └── SecretNotFoundError
    ├── ConflictError                 the state is not what the caller said it was
    │   ├── AlreadyExistsError
    │   └── SagaStateConflictError
    ├── LockLostError                 a lease ended while its holder worked
    ├── SagaFailedError               a saga ended compensated, or is stuck
    ├── ResourceExhaustedError        a quota, a disk or a queue is full
    ├── CorruptedError                what was stored is not what was written
    ├── ThrottledError                asked too often; not done         (transient)
    ├── UnavailableError              no answer, or half of one         (transient)
    │   └── PublishError              the broker did not take the message
    ├── CircuitOpenError              the breaker refused; nothing was sent
    ├── DeadlineExceededError         the caller's budget is spent      (TimeoutError)
    │   └── AttemptTimeoutError       one attempt took too long         (transient)
    └── InternalError                 a native error that no table maps

Each class answers two questions. *Is it transient*: may the same request succeed later
with nothing changed? *What became of the request*: :attr:`Outcome.NOT_DONE` (it had no
effect) or :attr:`Outcome.UNKNOWN` (it may have had). Retry reads these two and the effect of
the operation, nothing else. Neither payloads nor secrets enter an error.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

__all__ = [
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
]


class Outcome(Enum):
    """What became of a request that ended in an error."""

    NOT_DONE = "not_done"
    """The request had no effect; sending it again cannot do it twice."""
    UNKNOWN = "unknown"
    """The request may or may not have had its effect."""


class OmniCloudError(Exception):
    """The root of all errors of the library.

    Args:
        message: What went wrong, where, in words a user can act on. No payload, no secret.
        hint: How to mend it, one sentence.
        outcome: What became of the request, where it differs from the class's own answer
            (a refused connection is an :class:`UnavailableError` that is NOT_DONE).

    The door of the pipeline fills ``operation``, ``service`` and ``provider`` once; a driver
    leaves them alone.
    """

    transient: ClassVar[bool] = False
    default_outcome: ClassVar[Outcome] = Outcome.NOT_DONE

    def __init__(
        self, message: str = "", *, hint: str | None = None, outcome: Outcome | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.outcome = outcome or self.default_outcome
        self.operation: str | None = None
        self.service: str | None = None
        self.provider: str | None = None

    def __str__(self) -> str:
        where = ", ".join(
            f"{label} {value}"
            for label, value in (
                ("operation", self.operation),
                ("service", self.service),
                ("provider", self.provider),
            )
            if value
        )
        text = self.message or type(self).__name__
        if where:
            text = f"{text} [{where}]"
        return f"{text}; {self.hint}" if self.hint else text


class ConfigurationError(OmniCloudError):
    """What was said cannot be run. Nothing was opened."""


class InvalidArgumentError(OmniCloudError, ValueError):
    """The call breaks a bound of its contract. Nothing was sent, nothing is lost."""


class UnsupportedError(OmniCloudError):
    """The provider did not declare a feature that the call needs. Nothing was sent."""


class ClosedError(OmniCloudError):
    """The resource is closed, or was closed while the call was in flight."""


class UnauthenticatedError(OmniCloudError):
    """The service did not accept who is asking. The request was not done."""


class PermissionDeniedError(OmniCloudError):
    """The principal may not do this. The request was not done."""


class NotFoundError(OmniCloudError):
    """The caller asserted that something exists, and it does not."""


class ObjectNotFoundError(NotFoundError):
    """There is no object of that key."""


class SecretNotFoundError(NotFoundError):
    """There is no secret of that name."""


class ConflictError(OmniCloudError):
    """The state is not what the caller said it was; nothing was written."""


class AlreadyExistsError(ConflictError):
    """Something of that name is there already; nothing was written."""


class SagaStateConflictError(ConflictError):
    """The saga's stored version is not the one given; nothing was written."""


class LockLostError(OmniCloudError):
    """The lease ended or passed to another owner while the holder was at work."""


class SagaFailedError(OmniCloudError):
    """The saga did not complete; its state says whether it was compensated or is stuck."""


class ResourceExhaustedError(OmniCloudError):
    """A quota, a disk or a queue is full. The request was not done."""


class CorruptedError(OmniCloudError):
    """What is stored is not what was written. It was left as it is, never overwritten."""


class ThrottledError(OmniCloudError):
    """Asked too often, or too much at once. The request was not done.

    Args:
        retry_after: Seconds after which the service said to come back, where it said so.
    """

    transient = True

    def __init__(
        self, message: str = "", *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class UnavailableError(OmniCloudError):
    """The service cannot be reached, or its answer was lost on the way."""

    transient = True
    default_outcome = Outcome.UNKNOWN


class PublishError(UnavailableError):
    """The broker did not acknowledge the message; it may or may not be delivered."""


class CircuitOpenError(OmniCloudError):
    """The circuit breaker is open. Nothing was sent.

    Args:
        retry_after: Seconds after which it lets a trial through, where that is known.
    """

    def __init__(
        self, message: str = "", *, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class DeadlineExceededError(OmniCloudError, TimeoutError):
    """The caller's budget is spent. The request may or may not have been done."""

    default_outcome = Outcome.UNKNOWN


class AttemptTimeoutError(DeadlineExceededError):
    """One attempt took longer than it may; there may be budget for another."""

    transient = True


class InternalError(OmniCloudError):
    """A native error that no table maps; the cause is kept as ``__cause__``."""

    default_outcome = Outcome.UNKNOWN
