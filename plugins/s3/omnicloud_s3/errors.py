"""The service's errors as the library's: one table.

Messages of the service are left out: some quote keys, tokens and parts of requests.
"""

from __future__ import annotations

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

__all__ = ["bare_400", "refusal"]

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT = Outcome.NOT_DONE
_KEYS = "check access_key and secret_key"
_CLOCK = "set this machine's clock"

_BY_CODE: dict[str, _Row] = {
    "NoSuchUpload": (NotFoundError, _NOT, "there is no such upload of that key", None),
    "NoSuchBucket": (ConfigurationError, _NOT, "there is no such bucket", "make it first"),
    "NoSuchKey": (NotFoundError, _NOT, "there is no such object", None),
    "InvalidPart": (ConflictError, _NOT, "a part is not there under its tag", None),
    "InvalidPartOrder": (ConflictError, _NOT, "the parts are not in order", None),
    "PreconditionFailed": (ConflictError, _NOT, "the object has another version", None),
    "ConditionalRequestConflict": (
        UnavailableError,
        _NOT,
        "another conditional write of that key is under way",
        None,
    ),
    "OperationAborted": (UnavailableError, _NOT, "another operation is under way", None),
    "BadDigest": (CorruptedError, _NOT, "the data arrived changed", None),
    "XAmzContentSHA256Mismatch": (CorruptedError, _NOT, "the data arrived changed", None),
    "XAmzContentChecksumMismatch": (CorruptedError, _NOT, "the data arrived changed", None),
    "IncompleteBody": (UnavailableError, _NOT, "the data did not arrive whole", None),
    "EntityTooLarge": (InvalidArgumentError, _NOT, "the service takes no object so large", None),
    "EntityTooSmall": (
        InvalidArgumentError,
        _NOT,
        "a part but the last is smaller than the service's limit part_min_bytes",
        None,
    ),
    "KeyTooLongError": (InvalidArgumentError, _NOT, "the service takes no key so long", None),
    "MetadataTooLarge": (InvalidArgumentError, _NOT, "the metadata is over the limit", None),
    "InvalidAccessKeyId": (UnauthenticatedError, _NOT, "the access key is not known", _KEYS),
    "SignatureDoesNotMatch": (UnauthenticatedError, _NOT, "the signature does not fit", _KEYS),
    "ExpiredToken": (UnauthenticatedError, _NOT, "the session token has expired", None),
    "InvalidToken": (UnauthenticatedError, _NOT, "the session token is not accepted", None),
    "RequestTimeTooSkewed": (UnauthenticatedError, _NOT, "the clocks differ too much", _CLOCK),
    "AccessDenied": (PermissionDeniedError, _NOT, "the principal may not do this", None),
    "AllAccessDisabled": (PermissionDeniedError, _NOT, "the bucket is disabled", None),
    "InvalidObjectState": (PermissionDeniedError, _NOT, "the object is in an archive", None),
    "AuthorizationHeaderMalformed": (
        ConfigurationError,
        _NOT,
        "the service expects another region",
        "check region",
    ),
    "PermanentRedirect": (ConfigurationError, _NOT, "the bucket is in another region", "set it"),
    "IllegalLocationConstraintException": (
        ConfigurationError,
        _NOT,
        "the bucket is in another region",
        "check region",
    ),
    "SlowDown": (ThrottledError, _NOT, "the service asks for fewer requests", None),
    "RequestLimitExceeded": (ThrottledError, _NOT, "the service asks for fewer requests", None),
    "TooManyRequests": (ThrottledError, _NOT, "the service asks for fewer requests", None),
    "QuotaExceeded": (ResourceExhaustedError, _NOT, "a quota is used up", None),
    "StorageFull": (ResourceExhaustedError, _NOT, "the service's storage is full", None),
    "RequestTimeout": (UnavailableError, _NOT, "the service did not get the data in time", None),
    "ServiceUnavailable": (UnavailableError, Outcome.UNKNOWN, "the service is unavailable", None),
    "InternalError": (UnavailableError, Outcome.UNKNOWN, "the service failed", None),
}
"""By code: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, 2026-11."""

_BY_STATUS: dict[int, _Row] = {
    301: (ConfigurationError, _NOT, "the bucket is in another region", "check region"),
    307: (UnavailableError, _NOT, "the bucket is being moved", None),
    401: (UnauthenticatedError, _NOT, "the credentials are not accepted", _KEYS),
    403: (PermissionDeniedError, _NOT, "the principal may not do this", _KEYS),
    404: (NotFoundError, _NOT, "there is no such object", None),
    409: (UnavailableError, _NOT, "another operation of that key is under way", None),
    412: (ConflictError, _NOT, "the object has another version", None),
    429: (ThrottledError, _NOT, "the service asks for fewer requests", None),
    500: (UnavailableError, Outcome.UNKNOWN, "the service failed", None),
    502: (UnavailableError, Outcome.UNKNOWN, "the service is not behind its gateway", None),
    503: (UnavailableError, Outcome.UNKNOWN, "the service is unavailable", None),
    504: (UnavailableError, Outcome.UNKNOWN, "the service did not answer its gateway", None),
    507: (ResourceExhaustedError, _NOT, "the service's storage is full", None),
}
"""Where the answer has no code, or none that is known."""


def bare_400() -> UnauthenticatedError:
    """The error for a 400 of the service without a body, as a ``HEAD`` is refused."""
    return UnauthenticatedError(
        "the service does not say why it refuses: the session token may have expired, or the "
        "object be encrypted with a key of its own"
    )


def refusal(status: int, code: str, retry_after: float | None = None) -> OmniCloudError:
    """The error for an answer of the service."""
    row = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if row is None and not code:
        return elsewhere("the service", status)
    if row is None:
        return InternalError(f"the service answered {status} {code}".rstrip())
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        return ThrottledError(message, hint=hint, retry_after=retry_after)
    return kind(message, hint=hint, outcome=outcome)
