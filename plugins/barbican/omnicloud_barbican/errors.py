"""The service's errors as the library's: one table.

Its sentences are left out: some quote what was sent.
"""

from __future__ import annotations

from omnicloud.errors import (
    ConfigurationError,
    ConflictError,
    InternalError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["no_answer", "refusal"]

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT, _UNKNOWN = Outcome.NOT_DONE, Outcome.UNKNOWN

_BY_STATUS: dict[int, _Row] = {
    400: (InvalidArgumentError, _NOT, "the service does not take the request", None),
    401: (UnauthenticatedError, _NOT, "the service does not accept who asks", "check credentials"),
    403: (PermissionDeniedError, _NOT, "the principal may not do this", "it needs role creator"),
    404: (ConfigurationError, _NOT, "what answers is not Barbican", "check endpoint"),
    405: (ConfigurationError, _NOT, "what answers is not Barbican", "check endpoint"),
    409: (ConflictError, _NOT, "another request for the same came first", None),
    413: (InvalidArgumentError, _NOT, "the payload is too long", "check payload_max_bytes"),
    429: (ThrottledError, _NOT, "the service asks for fewer requests", None),
    500: (UnavailableError, _UNKNOWN, "the service failed", None),
    502: (UnavailableError, _UNKNOWN, "the service is not behind its gateway", None),
    503: (UnavailableError, _UNKNOWN, "the service is unavailable", None),
    504: (UnavailableError, _UNKNOWN, "the service did not answer its gateway", None),
    507: (ResourceExhaustedError, _NOT, "the service's storage is full", None),
}
"""https://docs.openstack.org/barbican/latest/api/reference/secrets.html, 2026-11. A quota that is
used up is a 403 of its own kind there, told apart by its title."""

_QUOTA = "Quota Reached"


def refusal(status: int, title: str = "") -> OmniCloudError:
    """The error for an answer of the service that is no success."""
    if status == 403 and title.title() == _QUOTA:
        return ResourceExhaustedError("the project's quota of secrets is used up")
    row = _BY_STATUS.get(status)
    if row is None:
        return InternalError(f"the service answered {status}")
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        return ThrottledError(message, hint=hint)
    return kind(message, hint=hint, outcome=outcome)


def no_answer() -> OmniCloudError:
    """The error for an answer that cannot be read."""
    return UnavailableError("the service's answer is no answer of Barbican")
