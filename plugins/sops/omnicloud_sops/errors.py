"""The operating system's errors as the library's: one table."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from omnicloud.errors import (
    InternalError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
)

__all__ = ["mapped", "translated"]

_OS: dict[int, tuple[type[OmniCloudError], Outcome, str | None]] = {
    errno.ENOSPC: (ResourceExhaustedError, Outcome.NOT_DONE, "free some space and try again"),
    errno.EDQUOT: (ResourceExhaustedError, Outcome.NOT_DONE, "free some space and try again"),
    errno.EMFILE: (ResourceExhaustedError, Outcome.NOT_DONE, "raise the limit of open files"),
    errno.ENFILE: (ResourceExhaustedError, Outcome.NOT_DONE, "raise the limit of open files"),
    errno.EACCES: (PermissionDeniedError, Outcome.NOT_DONE, "check owner and mode of the file"),
    errno.EPERM: (PermissionDeniedError, Outcome.NOT_DONE, "check owner and mode of the file"),
    errno.EROFS: (PermissionDeniedError, Outcome.NOT_DONE, "its file system is read-only"),
    errno.EIO: (UnavailableError, Outcome.UNKNOWN, None),
    errno.ESTALE: (UnavailableError, Outcome.UNKNOWN, None),
    errno.ENOENT: (UnavailableError, Outcome.NOT_DONE, "is its disk mounted?"),
    errno.ENOTDIR: (UnavailableError, Outcome.NOT_DONE, "a file stands where a folder should"),
    errno.EISDIR: (UnavailableError, Outcome.NOT_DONE, "a folder stands where the file should"),
}


def translated(error: OSError, what: str) -> OmniCloudError:
    """The library's error for a native one, about ``what``; the caller chains the cause."""
    row = _OS.get(error.errno or 0)
    if row is None:
        return InternalError(f"{what}: {type(error).__name__}")
    kind, outcome, hint = row
    return kind(f"{what}: {error.strerror}", hint=hint, outcome=outcome)


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn native errors of the block into the library's."""
    try:
        yield
    except OSError as error:
        raise translated(error, what) from error
