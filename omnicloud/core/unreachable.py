"""What drivers say where no connection to a service could be made."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from omnicloud.errors import Outcome, UnavailableError

__all__ = ["unreachable"]

_DEEPEST = 8


def unreachable(what: str, where: str, error: BaseException) -> UnavailableError:
    """The error for a connection that was not made: nothing was sent, so nothing was done.

    Args:
        what: Who would have answered, such as ``"the broker"``.
        where: Host and port, or the path of a socket. No credentials.
        error: What came instead; the reason is that of the system's error in its chain.
    """
    reasons = [reason for one in _chain(error) if (reason := _reason(one))]
    told = f": {reasons[-1]}" if reasons else ""
    message = f"{what} at {where} cannot be reached{told}"
    return UnavailableError(message, outcome=Outcome.NOT_DONE)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_DEEPEST):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return ""
