"""The services' errors as the library's: one table.

Messages of a service are left out: some quote keys, names and parts of requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from botocore import exceptions as native  # type: ignore[import-untyped]  # has none

from omnicloud.core.hallmark import OF_ANY_GATEWAY
from omnicloud.core.unreachable import unreachable
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    ConflictError,
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

__all__ = [
    "RefusedError",
    "closed",
    "is_theirs",
    "not_renewed",
    "not_theirs",
    "refusal",
    "unanswered",
]

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT, _UNKNOWN = Outcome.NOT_DONE, Outcome.UNKNOWN
_KEYS = "check access_key and secret_key, or the profile"
_SIGNED = "check the secret_key; where an endpoint is set, region has to be the endpoint's own"
_POLICY = "check the policies of the principal"
_MEETS: _Row = (UnavailableError, _NOT, "another request for the same is under way", None)
_FEWER: _Row = (ThrottledError, _NOT, "the service asks for fewer requests", None)
_KMS: _Row = (PermissionDeniedError, _NOT, "the KMS key cannot be used", "check kms_key")
_FAILED: _Row = (UnavailableError, _UNKNOWN, "the service failed", None)
_UNKNOWN_KEY: _Row = (UnauthenticatedError, _NOT, "the access key is not known", _KEYS)
_BAD_SIGN: _Row = (UnauthenticatedError, _NOT, "the signature does not fit", _SIGNED)
_EXPIRED: _Row = (UnauthenticatedError, _NOT, "the session token has expired", None)
_CLOCKS: _Row = (
    UnauthenticatedError,
    _NOT,
    "the clocks differ too much",
    "set this machine's clock",
)
_DENIED: _Row = (PermissionDeniedError, _NOT, "the principal may not do this", _POLICY)
_INVALID: _Row = (InvalidArgumentError, _NOT, "the service does not take the request", None)
_FULL: _Row = (ResourceExhaustedError, _NOT, "a quota of the service is used up", None)
_NO_QUEUE: _Row = (NotFoundError, _NOT, "the queue is not there", None)
_DELETED: _Row = (
    UnavailableError,
    _NOT,
    "the queue was deleted a moment ago",
    "a queue can be made again a minute after its deletion",
)

_BY_CODE: dict[str, _Row] = {
    # Of every service.
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidSignatureException": _BAD_SIGN,
    "SignatureDoesNotMatch": _BAD_SIGN,
    "IncompleteSignature": _BAD_SIGN,
    "IncompleteSignatureException": _BAD_SIGN,
    "MissingAuthenticationToken": _BAD_SIGN,
    "MissingAuthenticationTokenException": _BAD_SIGN,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _CLOCKS,
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "NotAuthorized": _DENIED,
    "OptInRequired": _DENIED,
    "Throttling": _FEWER,
    "ThrottlingException": _FEWER,
    "ThrottledException": _FEWER,
    "RequestThrottled": _FEWER,
    "RequestThrottledException": _FEWER,
    "TooManyRequestsException": _FEWER,
    "RequestLimitExceeded": _FEWER,
    "ValidationException": _INVALID,
    "ValidationError": _INVALID,
    "InvalidParameterException": _INVALID,
    "InvalidParameterValue": _INVALID,
    "LimitExceededException": _FULL,
    "InternalFailure": _FAILED,
    "InternalServerError": _FAILED,
    "InternalServiceError": _FAILED,
    "InternalServiceErrorException": _FAILED,
    "ServiceUnavailable": _FAILED,
    "ServiceUnavailableException": _FAILED,
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html, 2026-11
    "DecryptionFailure": _KMS,
    "EncryptionFailure": _KMS,
    "MalformedPolicyDocumentException": _INVALID,
    "PreconditionNotMetException": _MEETS,
    "InvalidRequestException": (
        ConflictError,
        _NOT,
        "the secret's state does not allow it",
        None,
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
    # Programming.Errors.html, 2026-11
    "ProvisionedThroughputExceededException": _FEWER,
    "TransactionConflictException": _MEETS,
    "TransactionInProgressException": _MEETS,
    "TransactionConflict": _MEETS,
    "ThrottlingError": _FEWER,
    "ProvisionedThroughputExceeded": _FEWER,
    "TransactionCanceledException": _MEETS,
    "ResourceInUseException": _MEETS,
    "ConditionalCheckFailedException": (
        ConflictError,
        _NOT,
        "the state is not what the request said",
        None,
    ),
    "ItemCollectionSizeLimitExceededException": (
        ResourceExhaustedError,
        _NOT,
        "a partition of the table is full",
        "raise partitions for new data",
    ),
    "ResourceNotFoundException": (
        ConfigurationError,
        _NOT,
        "what the request names is not there",
        "make the table, or set create_table = true",
    ),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ and
    # https://docs.aws.amazon.com/sns/latest/api/, 2026-11
    "AWS.SimpleQueueService.NonExistentQueue": _NO_QUEUE,
    "QueueDoesNotExist": _NO_QUEUE,
    "NotFound": (NotFoundError, _NOT, "the topic is not there", None),
    "AWS.SimpleQueueService.QueueDeletedRecently": _DELETED,
    "QueueDeletedRecently": _DELETED,
    "OverLimit": (ResourceExhaustedError, _NOT, "too many messages of the queue are lent", None),
    "AuthorizationError": _DENIED,
    "InvalidParameter": _INVALID,
    "InvalidSecurity": _BAD_SIGN,
    "TopicLimitExceeded": _FULL,
    "SubscriptionLimitExceeded": _FULL,
    "Throttled": _FEWER,
    "KmsThrottled": _FEWER,
    "KMSThrottling": _FEWER,
    "KmsAccessDenied": _KMS,
    "KmsDisabled": _KMS,
    "KmsInvalidKeyUsage": _KMS,
    "KmsInvalidState": _KMS,
    "KmsNotFound": _KMS,
    "KmsOptInRequired": _KMS,
    "KMSAccessDenied": _KMS,
    "KMSDisabled": _KMS,
    "KMSInvalidState": _KMS,
    "KMSNotFound": _KMS,
    "KMSOptInRequired": _KMS,
    "KMS.ThrottlingException": _FEWER,
    "KMS.AccessDeniedException": _KMS,
    "KMS.DisabledException": _KMS,
    "KMS.InvalidKeyUsageException": _KMS,
    "KMS.InvalidStateException": _KMS,
    "KMS.NotFoundException": _KMS,
    "KMS.OptInRequired": _KMS,
    "InternalError": _FAILED,
}
"""By code, of the services' own lists."""

_BY_STATUS: dict[int, _Row] = {
    401: _BAD_SIGN,
    403: _DENIED,
    429: _FEWER,
    500: _FAILED,
    502: (UnavailableError, _UNKNOWN, "the service is not behind its gateway", None),
    503: (UnavailableError, _UNKNOWN, "the service is unavailable", None),
    504: (UnavailableError, _UNKNOWN, "the service did not answer its gateway", None),
}
"""Where the answer has no code, or none that is known."""

_WRONG_TIME = ("Signature expired", "not yet current")
"""What a service says of a signature that would be right at another time."""

_LOGIN = (
    native.SSOError,
    native.RefreshWithMFAUnsupportedError,
    *((native.LoginError,) if hasattr(native, "LoginError") else ()),
)
"""Credentials that only a person can renew."""


class RefusedError(Exception):
    """An answer that is no success, for the driver that knows what it means.

    Attributes:
        code: The service's word for it.
        said: The service's sentence; it may quote the request and goes no further.
        answer: The rest of the answer.
        has_word: Whether there is a code, as a service gives with each refusal.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        word = answer.get("Error", {})
        self.code = str(word.get("Code", "")).rpartition("#")[2]
        self.said = str(word.get("Message", ""))
        self.status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        self.answer = answer
        # botocore puts the status where it finds no code.
        self.has_word = bool(self.code) and not self.code.isdigit()
        super().__init__(self.code)


def refusal(refused: RefusedError) -> OmniCloudError:
    """The error for an answer of the service that the driver does not expect."""
    row = _BY_CODE.get(refused.code) or _BY_STATUS.get(refused.status)
    if not refused.has_word and refused.status not in OF_ANY_GATEWAY:
        return not_theirs(refused.answer)
    if row is _BAD_SIGN and any(words in refused.said for words in _WRONG_TIME):
        row = _CLOCKS
    if row is None:
        return InternalError(f"the service answered {refused.status} {refused.code}".rstrip())
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        return ThrottledError(message, hint=hint)
    return kind(message, hint=hint, outcome=outcome)


def not_renewed(refused: RefusedError) -> OmniCloudError:
    """The error for credentials that the service which gives them does not give any more."""
    told = refusal(refused)
    if told.transient:
        return UnavailableError("the credentials could not be renewed", outcome=_NOT)
    return UnauthenticatedError(
        "the service that gives the credentials refuses to renew them",
        hint="check the role of the profile, and whether the principal may take it on",
        outcome=_NOT,
    )


def is_theirs(answer: Mapping[str, Any]) -> bool:
    """Whether an answer is a service's, and not a page of what stands before it.

    botocore takes any 200 for an answer in which everything is left out.
    """
    about = answer.get("ResponseMetadata", {})
    kind = about.get("HTTPHeaders", {}).get("content-type", "")
    return bool(about.get("RequestId")) or "x-amz-json" in kind


def not_theirs(answer: Mapping[str, Any]) -> OmniCloudError:
    """The error for an answer that no service of AWS gave; it may have been given the request."""
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return ConfigurationError(
        f"what answers says {status} and is not a service of AWS",
        hint="check endpoint, and what stands before it: a proxy, a gateway, a page to log in",
        outcome=_UNKNOWN,
    )


def unanswered(error: Exception) -> OmniCloudError:
    """The error for a request without a whole answer."""
    if isinstance(error, native.SSLError):
        return ConfigurationError(
            "the TLS handshake with the service failed",
            hint="check that it speaks TLS, its certificate's name, and tls_ca_file",
        )
    if (failed := _no_credentials(error)) is not None:
        return failed
    # aiobotocore says EndpointConnectionError also of a connection that broke in mid-request.
    inner = getattr(error, "kwargs", {}).get("error")
    no_way = isinstance(inner, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    if no_way or isinstance(error, native.ProxyConnectionError):
        return unreachable("the service", _where(error), inner or error)
    if isinstance(error, native.ReadTimeoutError):
        return UnavailableError("the service did not answer in time")
    return UnavailableError("the connection to the service was lost, or its answer is no answer")


def _no_credentials(error: Exception) -> OmniCloudError | None:
    """The error for credentials that are not to be had, if it is one."""
    if isinstance(error, native.NoCredentialsError | native.PartialCredentialsError):
        return ConfigurationError(
            "there are no credentials: none in the settings, none in the chain of AWS",
            hint="give access_key and secret_key, or set AWS_PROFILE",
        )
    if isinstance(error, _LOGIN):
        return UnauthenticatedError(
            "the login of the profile has ended", hint="log in again", outcome=_NOT
        )
    if isinstance(error, native.CredentialRetrievalError | native.TokenRetrievalError):
        return UnavailableError(
            "the credentials could not be renewed",
            hint="where the profile has a login, log in again",
            outcome=_NOT,
        )
    return None


def _where(error: Exception) -> str:
    said = getattr(error, "kwargs", {})
    place = urlsplit(str(said.get("endpoint_url") or said.get("proxy_url", ""))).netloc
    return place.rpartition("@")[2] or "its address"


def closed() -> ClosedError:
    """What to say to calls after the close."""
    return ClosedError("the connection to the service is closed")
