"""What drivers say where a service cannot be reached, or something else answers in its place."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from omnicloud.errors import ConfigurationError, OmniCloudError, Outcome, UnavailableError

__all__ = ["elsewhere", "no_longer", "unreachable"]

_DEEPEST = 8


def unreachable(what: str, where: str, error: BaseException) -> UnavailableError:
    """The error for a connection that was not made: nothing was sent, so nothing was done.

    Args:
        what: Who would have answered, such as ``"the broker"``.
        where: Host and port, or the path of a socket. No credentials.
        error: What came instead; the reason is that of the system's error in its chain.
    """
    reasons = [reason for one in _chain(error) if (reason := _reason(one))]
    if not reasons:  # the system had none: there is something that takes connections
        return UnavailableError(
            f"{what} at {where} cannot be reached: the connection ended before it let us in",
            hint="check the address: something else may listen there",
            outcome=Outcome.NOT_DONE,
        )
    message = f"{what} at {where} cannot be reached: {reasons[-1]}"
    return UnavailableError(message, outcome=Outcome.NOT_DONE)


def no_longer(error: OmniCloudError) -> OmniCloudError:
    """The error told of a service that was reached before with the same settings.

    What is a mistake of the settings at the opening is an outage then, which passes: another
    server stands at the address for a while, or its certificate has expired.
    """
    if type(error) is not ConfigurationError:
        return error
    return UnavailableError(error.message, hint=error.hint, outcome=error.outcome)


def elsewhere(what: str, status: int) -> UnavailableError:
    """The error for an answer that is not the service's: a gateway's page, say.

    Whether the request was passed on before is not known.

    Args:
        what: Who should have answered, such as ``"the service"``.
        status: Of HTTP.
    """
    return UnavailableError(
        f"what answered {status} is not {what}",
        hint="see what stands before it: a proxy, a gateway, a page to log in",
    )


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
