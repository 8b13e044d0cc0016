"""The broker's errors as the library's: one table.

The broker's words are left to the cause: they quote names.
"""

from __future__ import annotations

import ssl

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
    UnauthenticatedError,
    UnavailableError,
)

__all__ = [
    "LOCKED",
    "NOT_FOUND",
    "OTHERWISE",
    "Lost",
    "Refusal",
    "blocked",
    "closed",
    "translated",
    "unconnected",
]

NOT_FOUND = 404
LOCKED = 405
OTHERWISE = 406

_Row = tuple[type[OmniCloudError], Outcome, str, str | None]
_NOT_DONE, _UNKNOWN = Outcome.NOT_DONE, Outcome.UNKNOWN


class Refusal(Exception):  # noqa: N818 - the broker's word, not the library's error
    """The broker closed a channel, or the connection, and said why.

    Args:
        code: Of AMQP.
        said: Its own words, never passed on.
    """

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code = code
        self.said = said


class Lost(Exception):  # noqa: N818 - what befell a connection, not the library's error
    """The connection ended while an answer was awaited."""


_BY_WORDS: tuple[tuple[int, str, _Row], ...] = (
    (
        406,
        "delivery acknowledgement",
        (
            UnavailableError,
            _NOT_DONE,
            "the broker took messages back that were lent for longer than its consumer_timeout",
            "raise consumer_timeout on the broker, or handle messages faster",
        ),
    ),
    (
        530,
        "vhost",
        (ConfigurationError, _NOT_DONE, "the broker has no such virtual host", "set vhost"),
    ),
)
"""Codes that say too little, by words of RabbitMQ 3.10 to 4.1, 2026-11."""

_BY_CODE: dict[int, _Row] = {
    311: (
        InvalidArgumentError,
        _NOT_DONE,
        "the message is larger than the broker takes",
        "store it as an object and send its key",
    ),
    312: (
        UnavailableError,
        _NOT_DONE,
        "the queue of the group is gone",
        "someone deleted it on the broker; subscribe again",
    ),
    320: (UnavailableError, _UNKNOWN, "the broker is stopping", None),
    402: (ConfigurationError, _NOT_DONE, "the broker has no such virtual host", "set vhost"),
    403: (
        PermissionDeniedError,
        _NOT_DONE,
        "the user may not do this",
        "see the user's permissions on the virtual host",
    ),
    404: (
        NotFoundError,
        _NOT_DONE,
        "the broker does not know the group",
        "subscribe it first",
    ),
    405: (UnavailableError, _NOT_DONE, "another client holds the dead letters", None),
    406: (
        ConfigurationError,
        _NOT_DONE,
        "a queue or exchange of that name is there already and is another kind",
        "something else uses the names of this service; set namespace",
    ),
    506: (ResourceExhaustedError, _NOT_DONE, "the broker has no room left", None),
    541: (UnavailableError, _UNKNOWN, "the broker failed", "see its log"),
}
"""By reply code: https://www.rabbitmq.com/amqp-0-9-1-reference, 2026-11."""


def translated(error: Exception) -> OmniCloudError:
    """The library's error for a native one; the caller chains the cause."""
    if isinstance(error, OmniCloudError):
        return error
    if isinstance(error, Refusal):
        return _refused(error)
    if isinstance(error, Lost | OSError):
        return UnavailableError("the connection to the broker was lost")
    return InternalError(f"the client failed: {type(error).__name__}")


def unconnected(error: Exception, where: str) -> OmniCloudError:
    """What to say where no connection to ``where`` could be made; nothing was sent."""
    if isinstance(error, OmniCloudError):
        return error
    if isinstance(error, ssl.SSLError):
        return ConfigurationError(
            "the TLS handshake with the broker failed",
            hint="check that it speaks TLS, its certificate's name, and the tls_… files",
        )
    if isinstance(error, Refusal) and error.code == 403:
        return UnauthenticatedError(
            "the broker does not accept the credentials",
            hint="check username and password; guest may come from the broker's machine only",
        )
    if isinstance(error, Refusal) and error.code in (402, 530):
        return _refused(error)
    return unreachable("the broker", where, error)


def blocked(outcome: Outcome) -> ResourceExhaustedError:
    """What to say to who asks while the broker has an alarm."""
    return ResourceExhaustedError(
        "the broker takes no messages: its memory or disk is full",
        hint="see its alarms",
        outcome=outcome,
    )


def closed() -> ClosedError:
    """What to say to calls after the close."""
    return ClosedError("the connection to the broker is closed")


def _refused(error: Refusal) -> OmniCloudError:
    for code, words, row in _BY_WORDS:
        if error.code == code and words in error.said:
            return _made(row)
    if error.code in _BY_CODE:
        return _made(_BY_CODE[error.code])
    return InternalError(f"the broker answered with an error: AMQP code {error.code}")


def _made(row: _Row) -> OmniCloudError:
    kind, outcome, message, hint = row
    return kind(message, hint=hint, outcome=outcome)
