"""The service's errors as the library's: one table.

Messages of the service are left out: some quote names, principals and parts of requests.
"""

from __future__ import annotations

import json

from omnicloud.core.http import Answer
from omnicloud.core.unreachable import elsewhere
from omnicloud.errors import (
    ConfigurationError,
    ConflictError,
    CorruptedError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["WRITES_APART_SECONDS", "is_absent", "is_no_bucket", "reason_of", "refusal"]

WRITES_APART_SECONDS = 1.0
"""Between writes of one name, as the service takes them for longer than a moment."""

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT = Outcome.NOT_DONE
_WHO = "check service_account_key, or what Google's chain finds"
_FEWER = "the service asks for fewer requests"

_BY_REASON: dict[str, _Row] = {
    "conditionNotMet": (ConflictError, _NOT, "the object has another version", None),
    "rateLimitExceeded": (ThrottledError, _NOT, _FEWER, None),
    "userRateLimitExceeded": (ThrottledError, _NOT, _FEWER, None),
    "quotaExceeded": (ResourceExhaustedError, _NOT, "a quota is used up", None),
    "authError": (UnauthenticatedError, _NOT, "the credentials are not accepted", _WHO),
    "required": (UnauthenticatedError, _NOT, "the service wants credentials", _WHO),
    "accountDisabled": (PermissionDeniedError, _NOT, "the project's account is disabled", None),
    "retentionPolicyNotMet": (PermissionDeniedError, _NOT, "the object is retained", None),
    "objectUnderActiveHold": (PermissionDeniedError, _NOT, "the object is held", None),
    "sslRequired": (ConfigurationError, _NOT, "the service wants TLS", "use an https endpoint"),
    "uploadTooLarge": (InvalidArgumentError, _NOT, "the service takes no object so large", None),
}
"""By reason: https://cloud.google.com/storage/docs/json_api/v1/status-codes, 2026-11."""

_BY_STATUS: dict[int, _Row] = {
    401: (UnauthenticatedError, _NOT, "the credentials are not accepted", _WHO),
    403: (PermissionDeniedError, _NOT, "the principal may not do this", None),
    404: (NotFoundError, _NOT, "there is no such object", None),
    408: (UnavailableError, _NOT, "the service did not get the data in time", None),
    409: (UnavailableError, _NOT, "another operation of that object is under way", None),
    412: (ConflictError, _NOT, "the object has another version", None),
    413: (InvalidArgumentError, _NOT, "the service takes no object so large", None),
    429: (ThrottledError, _NOT, _FEWER, None),
    500: (UnavailableError, Outcome.UNKNOWN, "the service failed", None),
    502: (UnavailableError, Outcome.UNKNOWN, "the service is not behind its gateway", None),
    503: (UnavailableError, Outcome.UNKNOWN, "the service is unavailable", None),
    504: (UnavailableError, Outcome.UNKNOWN, "the service did not answer its gateway", None),
}
"""Where the answer has no reason, or none that is known."""

_NO_BUCKET: _Row = (ConfigurationError, _NOT, "there is no such bucket", "make it first")
_CHANGED: _Row = (CorruptedError, _NOT, "the data arrived changed", None)


def refusal(answer: Answer) -> OmniCloudError:
    """The error that an answer of the service is."""
    row = _row(answer)
    if row is None and not reason_of(answer):
        return elsewhere("the service", answer.status)
    if row is None:
        return InternalError(f"the service answered {answer.status} {_told(answer)[0]}".rstrip())
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        after = answer.headers.get("retry-after", "")
        seconds = float(after) if after.isdigit() else WRITES_APART_SECONDS
        return ThrottledError(message, hint=hint, retry_after=seconds)
    return kind(message, hint=hint, outcome=outcome)


def is_no_bucket(answer: Answer) -> bool:
    """Whether it is the bucket that is not there; the service says so in words alone."""
    return answer.status == 404 and "bucket does not exist" in _told(answer)[1]


def is_absent(answer: Answer) -> bool:
    """Whether it is an object that is not there, in the service's own words.

    Not of content: the service has no words then.
    """
    return answer.status == 404 and bool(reason_of(answer)) and not is_no_bucket(answer)


def reason_of(answer: Answer) -> str:
    """The service's word for what went wrong; empty where it gave none."""
    return _told(answer)[0]


def _row(answer: Answer) -> _Row | None:
    reason, message = _told(answer)
    if is_no_bucket(answer):
        return _NO_BUCKET
    if answer.status == 400 and "hash" in message:
        return _CHANGED
    return _BY_REASON.get(reason) or _BY_STATUS.get(answer.status)


def _told(answer: Answer) -> tuple[str, str]:
    """The reason and the message of an answer; empty where it has none."""
    try:
        error = json.loads(answer.body)["error"]
        message = str(error.get("message", ""))
        errors = error.get("errors") or [{}]
        return str(errors[0].get("reason", "")), message
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", answer.body[:500].decode(errors="replace")
