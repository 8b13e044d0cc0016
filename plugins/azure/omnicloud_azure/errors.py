"""The service's errors as the library's: one table.

Messages of the service are left out: some quote keys, signatures and parts of requests.
"""

from __future__ import annotations

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

__all__ = ["code_of", "is_no_blob", "refusal"]

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT, _UNKNOWN = Outcome.NOT_DONE, Outcome.UNKNOWN
_WHO = "check account_key or sas_token, and this machine's clock"
_MADE = "make it first"
_FOLDER: _Row = (
    InvalidArgumentError,
    _NOT,
    "a folder of the service is in the way, or an object in that of a folder",
    'keys = "escaped" has none in its way',
)

_BY_CODE: dict[str, _Row] = {
    "ContainerNotFound": (ConfigurationError, _NOT, "there is no such container", _MADE),
    "ContainerBeingDeleted": (ConfigurationError, _NOT, "the container is being deleted", None),
    "ContainerDisabled": (PermissionDeniedError, _NOT, "the container is disabled", None),
    "ResourceNotFound": (NotFoundError, _NOT, "there is no such object", None),
    "BlobNotFound": (NotFoundError, _NOT, "there is no such object", None),
    "ConditionNotMet": (ConflictError, _NOT, "the object has another version", None),
    "TargetConditionNotMet": (ConflictError, _NOT, "the object has another version", None),
    "InvalidBlockList": (ConflictError, _NOT, "a part is not there under its tag", None),
    "InvalidBlobType": (ConflictError, _NOT, "the object is no block blob", None),
    "Md5Mismatch": (CorruptedError, _NOT, "the data arrived changed", None),
    "RequestBodyTooLarge": (
        InvalidArgumentError,
        _NOT,
        "the service takes no request so large",
        None,
    ),
    "MetadataTooLarge": (InvalidArgumentError, _NOT, "the metadata is over the limit", None),
    "OutOfRangeInput": (InvalidArgumentError, _NOT, "the service takes no such key", None),
    "InvalidUri": (InvalidArgumentError, _NOT, "the service takes no such key", None),
    "AuthenticationFailed": (UnauthenticatedError, _NOT, "the signature does not fit", _WHO),
    "AuthorizationFailure": (UnauthenticatedError, _NOT, "the service does not let this in", _WHO),
    "InvalidAuthenticationInfo": (
        UnauthenticatedError,
        _NOT,
        "the credentials are not accepted",
        _WHO,
    ),
    "NoAuthenticationInformation": (
        UnauthenticatedError,
        _NOT,
        "the service wants credentials",
        _WHO,
    ),
    "AuthorizationPermissionMismatch": (
        PermissionDeniedError,
        _NOT,
        "the principal may not do this",
        None,
    ),
    "InsufficientAccountPermissions": (
        PermissionDeniedError,
        _NOT,
        "the principal may not do this",
        None,
    ),
    "AccountIsDisabled": (PermissionDeniedError, _NOT, "the account is disabled", None),
    "LeaseIdMissing": (PermissionDeniedError, _NOT, "another program has leased the object", None),
    "SnapshotsPresent": (PermissionDeniedError, _NOT, "the object has snapshots", None),
    "BlobArchived": (PermissionDeniedError, _NOT, "the object is in an archive", None),
    "BlobImmutableDueToPolicy": (PermissionDeniedError, _NOT, "the object is retained", None),
    "DirectoryIsNotEmpty": _FOLDER,
    "PathConflict": _FOLDER,
    "ResourceTypeMismatch": _FOLDER,
    "AccountBeingCreated": (UnavailableError, _NOT, "the account is being created", None),
    "PendingCopyOperation": (UnavailableError, _NOT, "a copy to that object is under way", None),
    "ServerBusy": (ThrottledError, _NOT, "the service asks for fewer requests", None),
    "AccountLimitExceeded": (ResourceExhaustedError, _NOT, "a quota is used up", None),
    "OperationTimedOut": (UnavailableError, _UNKNOWN, "the service did not end in time", None),
    "InternalError": (UnavailableError, _UNKNOWN, "the service failed", None),
}
"""By code: learn.microsoft.com/rest/api/storageservices/blob-service-error-codes, 2026-11."""

_BY_STATUS: dict[int, _Row] = {
    401: (UnauthenticatedError, _NOT, "the credentials are not accepted", _WHO),
    403: (PermissionDeniedError, _NOT, "the principal may not do this", _WHO),
    404: (NotFoundError, _NOT, "there is no such object", None),
    409: (UnavailableError, _NOT, "another operation of that object is under way", None),
    412: (ConflictError, _NOT, "the object has another version", None),
    413: (InvalidArgumentError, _NOT, "the service takes no request so large", None),
    429: (ThrottledError, _NOT, "the service asks for fewer requests", None),
    500: (UnavailableError, _UNKNOWN, "the service failed", None),
    502: (UnavailableError, _UNKNOWN, "the service is not behind its gateway", None),
    503: (UnavailableError, _UNKNOWN, "the service is unavailable", None),
    504: (UnavailableError, _UNKNOWN, "the service did not answer its gateway", None),
}
"""Where the answer has no code, or none that is known."""


def refusal(answer: Answer) -> OmniCloudError:
    """The error that an answer of the service is."""
    code = code_of(answer)
    row = _BY_CODE.get(code) or _BY_STATUS.get(answer.status)
    if row is None and not code:
        return elsewhere("the service", answer.status)
    if row is None:
        return InternalError(f"the service answered {answer.status} {code}".rstrip())
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        after = answer.headers.get("retry-after", "")
        return ThrottledError(
            message, hint=hint, retry_after=float(after) if after.isdigit() else None
        )
    return kind(message, hint=hint, outcome=outcome)


def code_of(answer: Answer) -> str:
    """The service's word for what went wrong; empty where it gave none."""
    return answer.headers.get("x-ms-error-code", "")


def is_no_blob(answer: Answer) -> bool:
    """Whether it is an object that is not there, rather than its container."""
    if answer.status == 404:
        return not code_of(answer).startswith("Container")
    return _is_folder(answer)


def _is_folder(answer: Answer) -> bool:
    """Whether it tells of a folder, which a hierarchical namespace answers as an empty blob."""
    headers = answer.headers
    marked = headers.get("x-ms-meta-hdi_isfolder", "").lower() == "true"
    return marked or headers.get("x-ms-resource-type") == "directory"
