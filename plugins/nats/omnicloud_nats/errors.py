"""What a server refuses, as the library's errors: one table.

Words of the server are left to the cause: some quote subjects, which hold names.
"""

from __future__ import annotations

import ssl

from omnicloud.core.unreachable import unreachable
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    InternalError,
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
    "NO_SERVER",
    "WRONG_SEQUENCE",
    "LostConnection",
    "NativeError",
    "closed",
    "translated",
    "unconnected",
]

NO_SERVER = "no NATS server"
WRONG_SEQUENCE = frozenset({10071, 10164})
"""The codes that refuse a write because the subject's last message is not the expected one."""


class NativeError(Exception):
    """A server refused a request.

    Args:
        code: The code of JetStream, or the status of an answer, or 0.
        said: In the server's words.
    """

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said


class LostConnection(NativeError):  # noqa: N818 - what happened, not a mistake
    """The connection ended; ``sent``: whether any of the request may have left."""

    def __init__(self, said: str, *, sent: bool = True) -> None:
        super().__init__(0, said)
        self.sent = sent


_Row = tuple[type[OmniCloudError], str, str | None]

_NOT_ENABLED: _Row = (
    ConfigurationError,
    "JetStream is not switched on for this account",
    "see the server's jetstream block and the account's limits",
)
_FULL: _Row = (
    ResourceExhaustedError,
    "the server has no room for more",
    "see the limits of the account, and the server's disk",
)
_UNREADY: _Row = (UnavailableError, "no server is ready to answer for the stream", None)
_GONE: _Row = (
    NotFoundError,
    "the service's stream is not on the server any more",
    "open the service again, which makes a new one",
)

_BY_CODE: dict[int, _Row] = {
    503: _UNREADY,
    10002: _FULL,
    10005: _UNREADY,
    10007: _UNREADY,
    10008: _UNREADY,
    10009: _UNREADY,
    10023: _FULL,
    10026: (ThrottledError, "the account has as many consumers as it may", None),
    10027: _FULL,
    10028: _FULL,
    10039: _NOT_ENABLED,
    10047: _FULL,
    10059: _GONE,
    10074: (
        ConfigurationError,
        "there are not as many servers as replicas asks for",
        "lower replicas, or add servers to the cluster",
    ),
    10076: _NOT_ENABLED,
    10077: _FULL,
    10210: (ThrottledError, "the server has as many batches in work as it may", None),
}
"""By code: https://github.com/nats-io/nats-server/blob/main/server/errors.json, 2.15. All of
them say that the request was not done."""

_BY_WORDS: tuple[tuple[str, _Row], ...] = (
    (
        "Authorization Violation",
        (UnauthenticatedError, "the server does not accept the credentials", "check them"),
    ),
    (
        "Authentication Timeout",
        (UnauthenticatedError, "the server waited in vain for credentials", "set them"),
    ),
    (
        "Authentication Expired",
        (UnauthenticatedError, "the credentials have expired", "get new ones"),
    ),
    (
        "Permissions Violation",
        (PermissionDeniedError, "the user may not do this", "see the server's permissions"),
    ),
    (
        "maximum connections exceeded",
        (ThrottledError, "the server has as many clients as it may", None),
    ),
    (
        "maximum account active connections exceeded",
        (ThrottledError, "the account has as many clients as it may", None),
    ),
    (NO_SERVER, (UnavailableError, "what answers is not a NATS server", "check the url")),
)
"""By the words of the protocol's -ERR, which has no codes."""


def translated(error: NativeError) -> OmniCloudError:
    """The library's error for a native one; the caller chains the cause."""
    row = _BY_CODE.get(error.code) or _worded(error.said)
    if row is not None:
        kind, message, hint = row
        if kind is ThrottledError:
            return ThrottledError(message, hint=hint)
        return kind(message, hint=hint, outcome=Outcome.NOT_DONE)
    if isinstance(error, LostConnection):
        outcome = Outcome.UNKNOWN if error.sent else Outcome.NOT_DONE
        return UnavailableError("the connection to the server was lost", outcome=outcome)
    return InternalError(f"the server answered with the error {error.code}")


def unconnected(error: Exception, where: str) -> OmniCloudError:
    """What to say where no connection to ``where`` could be made; nothing was sent."""
    if isinstance(error, NativeError):
        return translated(error)
    if isinstance(error, ssl.SSLError):
        return ConfigurationError(
            "the TLS handshake with the server failed",
            hint="check that it speaks TLS, its certificate's name, and tls_ca_file",
        )
    return unreachable("the server", where, error)


def closed() -> ClosedError:
    """What to say to calls after the close."""
    return ClosedError("the connection to the server is closed")


def _worded(said: str) -> _Row | None:
    for words, row in _BY_WORDS:
        if words.lower() in said.lower():
            return row
    return None
