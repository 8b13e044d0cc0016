"""The server's errors, and the client library's, as the library's: one table.

Messages of the server are left to the cause: some quote arguments, which may be payloads.
"""

from __future__ import annotations

import ssl

from redis import exceptions as native

from omnicloud.core.unreachable import unreachable
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    CorruptedError,
    InternalError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["closed", "is_misplaced", "translated", "unconnected"]

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]

_DONE_NOT = Outcome.NOT_DONE

_BY_CLASS: tuple[tuple[type[Exception], _Row], ...] = (
    (
        native.AuthenticationError,
        (
            UnauthenticatedError,
            _DONE_NOT,
            "the server does not accept the credentials",
            "check username and password",
        ),
    ),
    (
        native.AuthenticationWrongNumberOfArgsError,
        (UnauthenticatedError, _DONE_NOT, "the server does not know users", "leave out username"),
    ),
    (
        native.AuthorizationError,
        (PermissionDeniedError, _DONE_NOT, "the user may not do this", "see the server's ACL"),
    ),
    (
        native.NoPermissionError,
        (PermissionDeniedError, _DONE_NOT, "the user may not do this", "see the server's ACL"),
    ),
    (
        native.BusyLoadingError,
        (UnavailableError, _DONE_NOT, "the server is still loading its data", None),
    ),
    (
        native.ReadOnlyError,
        (UnavailableError, _DONE_NOT, "the server is a read-only replica", "ask the primary"),
    ),
    (
        native.OutOfMemoryError,
        (ResourceExhaustedError, _DONE_NOT, "the server's memory is full", "raise maxmemory"),
    ),
    (
        native.MovedError,
        (
            ConfigurationError,
            _DONE_NOT,
            "the server is one node of a cluster, which this provider does not serve",
            "give the url of a server that is not in cluster mode",
        ),
    ),
    (native.TryAgainError, (UnavailableError, _DONE_NOT, "the cluster moves the key", None)),
    (native.AskError, (UnavailableError, _DONE_NOT, "the cluster moves the key", None)),
    (native.ClusterDownError, (UnavailableError, _DONE_NOT, "the cluster is down", None)),
    (
        native.InvalidResponse,
        (UnavailableError, Outcome.UNKNOWN, "what answers is not a Redis server", "check the url"),
    ),
    (
        native.TimeoutError,
        (UnavailableError, Outcome.UNKNOWN, "the server did not answer in time", None),
    ),
    (
        native.ConnectionError,
        (UnavailableError, Outcome.UNKNOWN, "the connection to the server was lost", None),
    ),
    (
        OSError,
        (UnavailableError, Outcome.UNKNOWN, "the connection to the server was lost", None),
    ),
)
"""By class of redis-py 8, the first that fits: subclasses stand before their bases."""

_BY_CODE: dict[str, _Row] = {
    "NOAUTH": (
        UnauthenticatedError,
        _DONE_NOT,
        "the server asks for credentials",
        "set username and password",
    ),
    "WRONGPASS": (
        UnauthenticatedError,
        _DONE_NOT,
        "the server does not accept the credentials",
        "check username and password",
    ),
    "NOPERM": (PermissionDeniedError, _DONE_NOT, "the user may not do this", "see the ACL"),
    "OOM": (ResourceExhaustedError, _DONE_NOT, "the server's memory is full", "raise maxmemory"),
    "MISCONF": (
        ResourceExhaustedError,
        _DONE_NOT,
        "the server cannot write its disk and takes no writes",
        "free space on it and see its log",
    ),
    "READONLY": (
        UnavailableError,
        _DONE_NOT,
        "the server is a read-only replica",
        "ask the primary",
    ),
    "LOADING": (UnavailableError, _DONE_NOT, "the server is still loading its data", None),
    "MASTERDOWN": (UnavailableError, _DONE_NOT, "the replica has lost its primary", None),
    "NOREPLICAS": (UnavailableError, _DONE_NOT, "the server lacks replicas to write", None),
    "BUSY": (UnavailableError, _DONE_NOT, "the server is busy with a script", None),
    "UNKILLABLE": (UnavailableError, _DONE_NOT, "the server is busy with a script", None),
    "CLUSTERDOWN": (UnavailableError, _DONE_NOT, "the cluster is down", None),
    "TRYAGAIN": (UnavailableError, _DONE_NOT, "the cluster moves the key", None),
    "WRONGTYPE": (
        CorruptedError,
        _DONE_NOT,
        "a key of this service holds what it did not write",
        "something else writes under its namespace",
    ),
    "CROSSSLOT": (ConfigurationError, _DONE_NOT, "the server is a cluster", "give a single one"),
}
"""By the first word of an answer: https://redis.io/docs/latest/develop/reference/, 2026-11."""


def translated(error: Exception, *, sent: bool = True) -> OmniCloudError:
    """The library's error for a native one; the caller chains the cause.

    Args:
        sent: Whether any of the request may have reached the server.
    """
    if isinstance(error, OmniCloudError):
        return error
    row = _row(error)
    if row is None:
        return InternalError(f"the server answered with an error: {_code(error)}")
    kind, outcome, message, hint = row
    if kind is ThrottledError:
        return ThrottledError(message, hint=hint)
    return kind(message, hint=hint, outcome=outcome if sent else Outcome.NOT_DONE)


def unconnected(error: Exception, where: str) -> OmniCloudError:
    """What to say where no connection to ``where`` could be made; nothing was sent."""
    if isinstance(error, native.InvalidResponse):
        return ConfigurationError(
            f"what answers at {where} does not speak Redis's protocol", hint="check url"
        )
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLError):
        return ConfigurationError(
            "the TLS handshake with the server failed",
            hint="check that it speaks TLS, its certificate's name, and tls_ca_file",
        )
    said = translated(error, sent=False)
    if type(said) is not UnavailableError or isinstance(error, native.BusyLoadingError):
        return said
    return unreachable("the server", where, error)


def is_misplaced(error: Exception) -> bool:
    """Whether another server may stand at the address by now, on another connection.

    After a failover the old primary answers on as a replica to who is still connected to it.
    """
    return isinstance(error, native.ReadOnlyError | native.MasterDownError)


def closed() -> ClosedError:
    """What to say to calls after the close."""
    return ClosedError("the connection to the server is closed")


def _row(error: Exception) -> _Row | None:
    if type(error) is native.ConnectionError and "max number of clients" in str(error):
        return (ThrottledError, _DONE_NOT, "the server has as many clients as it may", None)
    for kind, row in _BY_CLASS:
        if isinstance(error, kind):
            return row
    if "max number of clients" in str(error):
        return (ThrottledError, _DONE_NOT, "the server has as many clients as it may", None)
    return _BY_CODE.get(_code(error))


def _code(error: Exception) -> str:
    """The first word of the answer, where it is a code and so no one's data."""
    word = str(error).partition(" ")[0]
    return word if word.isalpha() and word.isupper() else type(error).__name__
