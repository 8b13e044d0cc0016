"""The server's errors, and the client library's, as the library's: one table.

The server's words are left to the cause: some quote keys.
"""

from __future__ import annotations

import ssl

import aiohttp

from omnicloud.core.unreachable import unreachable
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
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
    "LEASE_NOT_FOUND",
    "Refusal",
    "closed",
    "is_login_over",
    "translated",
    "unconnected",
]

LEASE_NOT_FOUND = "requested lease not found"
_DENIED = "permission denied"
_LOGIN_OVER = ("invalid auth token", "revision in header is old", "revision of auth store is old")
"""The server's words for a token that it does not know, or that is older than its users are."""

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT_DONE, _UNKNOWN = Outcome.NOT_DONE, Outcome.UNKNOWN


class Refusal(Exception):  # noqa: N818 - the server's word, not the library's error
    """The server answered with an error.

    Args:
        code: Of gRPC.
        said: Its own words, never passed on.
    """

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said


_BY_WORDS: tuple[tuple[str, _Row], ...] = (
    (
        "request is too large",
        (
            InvalidArgumentError,
            _NOT_DONE,
            "the request is larger than the server's max-request-bytes",
            "write fewer or smaller values at once",
        ),
    ),
    (
        "message larger than max",
        (
            InvalidArgumentError,
            _NOT_DONE,
            "the request is larger than the server's max-request-bytes",
            "write fewer or smaller values at once",
        ),
    ),
    (
        "too many operations in txn",
        (
            ConfigurationError,
            _NOT_DONE,
            "the server takes fewer steps in one transaction than max_txn_ops says",
            "set max_txn_ops to the server's --max-txn-ops",
        ),
    ),
    (
        "database space exceeded",
        (
            ResourceExhaustedError,
            _NOT_DONE,
            "the server's quota is used up and it takes no writes",
            "compact and defragment it, disarm the alarm, or raise --quota-backend-bytes",
        ),
    ),
    ("too many requests", (ThrottledError, _NOT_DONE, "the server is asked too often", None)),
    (
        "invalid user ID or password",
        (
            UnauthenticatedError,
            _NOT_DONE,
            "the server does not accept the credentials",
            "check username and password",
        ),
    ),
    (
        "user name is empty",
        (
            UnauthenticatedError,
            _NOT_DONE,
            "the server asks for credentials",
            "set username and password",
        ),
    ),
    (
        "authentication is not enabled",
        (
            ConfigurationError,
            _NOT_DONE,
            "the server knows no users",
            "leave out username and password",
        ),
    ),
    *(
        (words, (UnauthenticatedError, _NOT_DONE, "the login has ended", None))
        for words in _LOGIN_OVER
    ),
    (
        _DENIED,
        (PermissionDeniedError, _NOT_DONE, "the user may not do this", "see the user's roles"),
    ),
    (
        "revision has been compacted",
        (
            NotFoundError,
            _NOT_DONE,
            "the server no longer keeps the changes since the cursor",
            "read all anew, then watch from now on",
        ),
    ),
    ("corrupt", (InternalError, _NOT_DONE, "the server says that its data is damaged", None)),
    ("no leader", (UnavailableError, _NOT_DONE, "the cluster has no leader", None)),
    ("not capable", (UnavailableError, _NOT_DONE, "the member is not ready yet", None)),
    ("server stopped", (UnavailableError, _UNKNOWN, "the member is stopping", None)),
    ("leader changed", (UnavailableError, _UNKNOWN, "the cluster changed its leader", None)),
    ("request timed out", (UnavailableError, _UNKNOWN, "the cluster did not agree in time", None)),
)
"""By words of etcd 3.4 to 3.6 (api/v3rpc/rpctypes/error.go), 2026-11."""

_BY_CODE: dict[int, _Row] = {
    1: (UnavailableError, _UNKNOWN, "the server gave the request up", None),
    4: (UnavailableError, _UNKNOWN, "the cluster did not answer in time", None),
    7: (PermissionDeniedError, _NOT_DONE, "the user may not do this", "see the user's roles"),
    8: (ThrottledError, _NOT_DONE, "the server is asked too much", None),
    14: (UnavailableError, _UNKNOWN, "the member cannot serve now", None),
    16: (
        UnauthenticatedError,
        _NOT_DONE,
        "the server does not accept the credentials",
        "check username and password",
    ),
}
"""By code of gRPC, where no words fit."""


def is_login_over(error: Refusal, *, watching: bool = False) -> bool:
    """Whether a new login may help; nothing was done.

    Args:
        watching: It is what became of a watch: older servers say of any token that is no longer
            good that the watch is denied.
    """
    words = (*_LOGIN_OVER, _DENIED) if watching else _LOGIN_OVER
    return any(one in error.said for one in words)


def translated(error: Exception) -> OmniCloudError:
    """The library's error for a native one that came after the request was sent."""
    if isinstance(error, OmniCloudError):
        return error
    if isinstance(error, Refusal):
        return _refused(error)
    if isinstance(error, aiohttp.ClientError | OSError | TimeoutError):
        return UnavailableError("the server's answer was lost on the way")
    return InternalError(f"the client failed: {type(error).__name__}")


def unconnected(error: Exception, where: str) -> OmniCloudError:
    """What to say where no connection to ``where`` could be made; nothing was sent."""
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ConfigurationError(
            "the TLS handshake with the server failed",
            hint="check that it speaks TLS, its certificate's name, and the tls_… files",
        )
    return unreachable("the server", where, error)


def closed() -> ClosedError:
    """What to say to calls after the close."""
    return ClosedError("the connection to the server is closed")


def _refused(error: Refusal) -> OmniCloudError:
    row = _row(error)
    if row is None:
        return InternalError(f"the server answered with an error: gRPC code {error.code}")
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        return ThrottledError(message, hint=hint)
    return kind(message, hint=hint, outcome=outcome)


def _row(error: Refusal) -> _Row | None:
    for words, row in _BY_WORDS:
        if words in error.said:
            return row
    return _BY_CODE.get(error.code)
