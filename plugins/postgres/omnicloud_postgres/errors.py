"""The server's errors, and the client library's, as the library's: one table.

Messages of the server quote values now and then, so neither they nor their details are told.
"""

from __future__ import annotations

import ssl

import asyncpg

from omnicloud.core.unreachable import unreachable
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    ConflictError,
    CorruptedError,
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

__all__ = ["closed", "is_misplaced", "over", "translated", "unconnected"]

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]

_NOT_DONE = Outcome.NOT_DONE
_UNKNOWN = Outcome.UNKNOWN

_BY_STATE: dict[str, _Row] = {
    "28P01": (
        UnauthenticatedError,
        _NOT_DONE,
        "the server does not accept the credentials",
        "check username and password",
    ),
    "28": (
        UnauthenticatedError,
        _NOT_DONE,
        "the server does not let this user in",
        "check username and the server's pg_hba.conf",
    ),
    "3D000": (
        ConfigurationError,
        _NOT_DONE,
        "the server has no such database",
        "create it, or correct the path of the url",
    ),
    "42501": (
        PermissionDeniedError,
        _NOT_DONE,
        "the user may not do this",
        "grant it CREATE on the database, or the rights on schema omnicloud and its tables",
    ),
    "42P01": (
        CorruptedError,
        _NOT_DONE,
        "a table of this provider is not there any more",
        "reopen the service: it makes its tables",
    ),
    "40P01": (ConflictError, _NOT_DONE, "two transactions waited for each other", "do it again"),
    "40": (ConflictError, _NOT_DONE, "another writer came first", "do it again"),
    "55P03": (
        UnavailableError,
        _NOT_DONE,
        "what is asked about stayed locked by an open transaction",
        "keep transactions short",
    ),
    "57014": (UnavailableError, _NOT_DONE, "the server did not finish in time", None),
    "25P03": (ConflictError, _NOT_DONE, "the transaction was left idle for too long", None),
    "25006": (
        UnavailableError,
        _NOT_DONE,
        "the server is a read-only standby",
        "give the address of the primary",
    ),
    "53300": (ThrottledError, _NOT_DONE, "the server has as many clients as it may", None),
    "53": (ResourceExhaustedError, _NOT_DONE, "the server is out of memory or disk", None),
    "54000": (InvalidArgumentError, _NOT_DONE, "a bound of the server is exceeded", None),
    "58030": (ResourceExhaustedError, _NOT_DONE, "the server cannot write its disk", None),
    "57P03": (UnavailableError, _NOT_DONE, "the server is starting or stopping", None),
    "57P": (UnavailableError, _UNKNOWN, "the server ended the connection", None),
    "08P01": (
        UnavailableError,
        _UNKNOWN,
        "what answers does not speak as a PostgreSQL server",
        "check the url",
    ),
    "08": (UnavailableError, _UNKNOWN, "the connection to the server was lost", None),
    "XX001": (CorruptedError, _NOT_DONE, "the server finds its data damaged", "see its log"),
    "XX002": (CorruptedError, _NOT_DONE, "the server finds an index damaged", "see its log"),
}
"""By SQLSTATE, the longest prefix that fits.

https://www.postgresql.org/docs/current/errcodes-appendix.html, read 2026-11.
"""


def translated(error: BaseException, *, inside: bool = False) -> OmniCloudError:
    """The library's error for a native one; the caller chains the cause.

    Args:
        inside: Whether it came inside a transaction that has not been committed, so that
            nothing is done whatever it was.
    """
    if isinstance(error, OmniCloudError):
        return error
    row = _row(error)
    if row is None:
        return InternalError(f"the server answered with an error: {_code(error)}")
    kind, outcome, message, hint = row
    if kind is ConflictError and not inside:
        # A single request that had to give way to others: the same may succeed at once.
        kind = UnavailableError
    if kind is ThrottledError:
        return ThrottledError(message, hint=hint)
    return kind(message, hint=hint, outcome=_NOT_DONE if inside else outcome)


def unconnected(error: BaseException, where: str) -> OmniCloudError:
    """What to say where no connection to ``where`` could be made; nothing was sent."""
    if isinstance(error, ssl.SSLError) or "SSL" in str(error):
        return ConfigurationError(
            "the TLS handshake with the server failed",
            hint="check that it speaks TLS, its certificate's name, and the tls options",
        )
    refused = _refused_settings(error)
    if refused is not None:
        return refused
    said = translated(error, inside=True)
    if type(said) is not UnavailableError or "starting" in said.message:
        return said
    return unreachable("the server", where, error)


def _refused_settings(error: BaseException) -> OmniCloudError | None:
    """What to say where a session was refused for one of the settings that it begins with."""
    state = _code(error)
    if state == "08P01" and "startup parameter" in str(error):  # PgBouncer's own words
        return ConfigurationError(
            "the pooler before the server takes no settings of sessions",
            hint="list them in its ignore_startup_parameters",
        )
    if state in ("42704", "22023"):  # not known there; known, but not to be had
        return ConfigurationError(
            "the server does not take a setting of sessions: it is too old for this provider, "
            "or of a system that cannot look for lost clients",
            hint="run PostgreSQL 14 or newer, on Linux",
        )
    return None


def is_misplaced(error: BaseException) -> bool:
    """Whether another server may stand at the address by now, on another connection.

    After a failover a standby answers on to who is still connected to it.
    """
    return _code(error) == "25006"


def closed() -> ClosedError:
    """What to say to calls after the close."""
    return ClosedError("the connection to the server is closed")


def over() -> ConflictError:
    """What to say to calls in a transaction after its end."""
    return ConflictError(
        "the transaction has ended",
        hint="it was committed, rolled back, cut off, or open for too long",
    )


def _row(error: BaseException) -> _Row | None:
    state = _code(error)
    for length in (5, 3, 2):
        row = _BY_STATE.get(state[:length])
        if row is not None:
            return row
    if isinstance(error, OSError | EOFError):
        return _BY_STATE["08"]
    if isinstance(error, asyncpg.InterfaceError) and "closed" in str(error):
        return _BY_STATE["08"]
    if isinstance(error, asyncpg.InternalClientError):
        return _BY_STATE["08P01"]
    return None


def _code(error: BaseException) -> str:
    state: str | None = getattr(error, "sqlstate", None)
    return state or type(error).__name__
