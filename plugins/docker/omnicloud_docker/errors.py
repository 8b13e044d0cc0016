"""The engine's errors, and the client library's, as the library's: one table.

The engine's own words are left to the cause: they quote commands and paths.
"""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp.client_exceptions import UnixClientConnectorError

from omnicloud.core.unreachable import unreachable
from omnicloud.errors import (
    ConfigurationError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    PermissionDeniedError,
    ResourceExhaustedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["Refusal", "translated"]


class Refusal(Exception):  # noqa: N818 - the engine's word, not the library's error
    """The engine answered with an error.

    Args:
        status: Of HTTP; 0 where it came in the middle of an answer.
        said: Its own words, never passed on.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status, said)
        self.status = status
        self.said = said


_BY_STATUS: dict[int, tuple[type[OmniCloudError], str]] = {
    400: (InvalidArgumentError, "the engine does not take the request"),
    401: (UnauthenticatedError, "the engine or its registry does not know who is asking"),
    403: (PermissionDeniedError, "the engine does not permit this"),
    404: (NotFoundError, "the engine has no such container or image"),
    409: (ConflictError, "the state of the container or image does not permit this"),
    429: (ThrottledError, "the engine or its registry is asked too often"),
    502: (UnavailableError, "what stands before the engine does not reach it"),
    503: (UnavailableError, "the engine does not serve now"),
    504: (UnavailableError, "what stands before the engine had no answer in time"),
}

_BY_WORDS: tuple[tuple[str, type[OmniCloudError], str], ...] = (
    ("no space left on device", ResourceExhaustedError, "the engine's disk is full"),
    ("cannot allocate memory", ResourceExhaustedError, "the engine's machine has no memory left"),
    ("device or resource busy", ConflictError, "the container uses more memory than that"),
    ("cannot resume", ConflictError, "the container is not paused any more"),
    ("a paused container", ConflictError, "the container is paused already"),
    ("a stopped container", ConflictError, "the container ended meanwhile"),
    ("a stopped process", ConflictError, "the container ended meanwhile"),
    ("in a stopped state", ConflictError, "the container ended meanwhile"),
    ("a deleted process", ConflictError, "the container ended meanwhile"),
    ("in a deleted state", ConflictError, "the container ended meanwhile"),
    ("has active endpoints", ConflictError, "a container is on the network"),
    ("is marked for removal", NotFoundError, "the container is being removed"),
    ("removal of container", NotFoundError, "the container is being removed"),
    ("port is already allocated", ConflictError, "a port of the machine is taken"),
    ("address already in use", ConflictError, "a port of the machine is taken"),
    ("unable to freeze", UnavailableError, "the kernel could not hold the processes in time"),
    ("did not receive an exit event", UnavailableError, "the engine saw no end of it in time"),
    ("context deadline exceeded", UnavailableError, "the engine was not done in time"),
    ("manifest unknown", NotFoundError, "the registry has no such image"),
    ("manifest for", NotFoundError, "the registry has no such image"),
    ("not found: manifest", NotFoundError, "the registry has no such image"),
    ("repository does not exist", NotFoundError, "the registry has no such image"),
    ("unauthorized", UnauthenticatedError, "the registry does not know who is asking"),
    ("connection refused", UnavailableError, "the registry cannot be reached"),
    ("no such host", UnavailableError, "the registry cannot be reached"),
    ("i/o timeout", UnavailableError, "the registry cannot be reached"),
)
"""Statuses say too little of errors of registries and kernels: moby 20.10 to 28."""


def translated(error: Exception) -> Exception:
    """The library's error for a native one, or the native one where no row fits."""
    if isinstance(error, Refusal):
        return _refused(error)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ConfigurationError(
            "the TLS handshake with the engine failed", hint="check the tls_… files and the url"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, PermissionError):
            return PermissionDeniedError(
                "this process may not use the engine's socket", hint="see its group"
            )
        return unreachable("the engine", _where(error), error)
    if isinstance(error, aiohttp.ClientError | ConnectionError | TimeoutError):
        return UnavailableError("the engine's answer was lost on the way")
    return error


def _where(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, UnixClientConnectorError):
        return error.path
    return f"{error.host}:{error.port}"


def _refused(error: Refusal) -> Exception:
    words = error.said.lower()
    for part, kind, message in _BY_WORDS:
        if part in words:
            return kind(message)
    if error.status in _BY_STATUS:
        kind, message = _BY_STATUS[error.status]
        return kind(message)
    return error
