"""SQLite's errors, and the operating system's, as the library's: one table."""

from __future__ import annotations

import errno
import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from omnicloud.errors import (
    CorruptedError,
    InternalError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
)

__all__ = ["mapped", "released", "translated"]

E = TypeVar("E", bound=Exception)

_HINTS = {
    CorruptedError: "it was left as it is: restore a backup, or copy it away and look",
    ResourceExhaustedError: "free some space and try again",
    PermissionDeniedError: "check owner and mode of the files",
}

_PLACE = "its path must be a folder that is there, or can be made, and that may be written"
_NO_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EEXIST})

_SQLITE: dict[int, tuple[type[OmniCloudError], Outcome]] = {
    sqlite3.SQLITE_CORRUPT: (CorruptedError, Outcome.NOT_DONE),
    sqlite3.SQLITE_NOTADB: (CorruptedError, Outcome.NOT_DONE),
    sqlite3.SQLITE_FULL: (ResourceExhaustedError, Outcome.NOT_DONE),
    sqlite3.SQLITE_BUSY: (UnavailableError, Outcome.NOT_DONE),
    sqlite3.SQLITE_LOCKED: (UnavailableError, Outcome.NOT_DONE),
    sqlite3.SQLITE_READONLY: (PermissionDeniedError, Outcome.NOT_DONE),
    sqlite3.SQLITE_PERM: (PermissionDeniedError, Outcome.NOT_DONE),
    sqlite3.SQLITE_AUTH: (PermissionDeniedError, Outcome.NOT_DONE),
    sqlite3.SQLITE_CANTOPEN: (UnavailableError, Outcome.NOT_DONE),
    sqlite3.SQLITE_IOERR: (UnavailableError, Outcome.UNKNOWN),
    sqlite3.SQLITE_INTERRUPT: (UnavailableError, Outcome.NOT_DONE),
    sqlite3.SQLITE_NOMEM: (ResourceExhaustedError, Outcome.NOT_DONE),
}
"""By primary result code: https://www.sqlite.org/rescode.html, read 2026-11."""

_SQLITE_EXTENDED: dict[int, tuple[type[OmniCloudError], Outcome]] = {
    # The room for the index of its log, which every opener shares: there is none on a full disk.
    sqlite3.SQLITE_IOERR_SHMSIZE: (ResourceExhaustedError, Outcome.NOT_DONE),
}
"""By extended result code, where it says more than the primary one."""

_OS: dict[int, tuple[type[OmniCloudError], Outcome]] = {
    errno.ENOSPC: (ResourceExhaustedError, Outcome.NOT_DONE),
    errno.EDQUOT: (ResourceExhaustedError, Outcome.NOT_DONE),
    errno.EMFILE: (ResourceExhaustedError, Outcome.NOT_DONE),
    errno.EACCES: (PermissionDeniedError, Outcome.NOT_DONE),
    errno.EPERM: (PermissionDeniedError, Outcome.NOT_DONE),
    errno.EROFS: (PermissionDeniedError, Outcome.NOT_DONE),
    errno.EIO: (UnavailableError, Outcome.UNKNOWN),
    # The folder cannot be reached: a disk that is not mounted, or a file in its way.
    errno.ENOENT: (UnavailableError, Outcome.NOT_DONE),
    errno.ENOTDIR: (UnavailableError, Outcome.NOT_DONE),
    errno.EEXIST: (UnavailableError, Outcome.NOT_DONE),
}


def translated(error: Exception, what: str) -> OmniCloudError:
    """The library's error for a native one, about ``what``; the caller chains the cause."""
    if isinstance(error, OmniCloudError):
        return error
    found: tuple[type[OmniCloudError], Outcome] | None = None
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None:
            found = _SQLITE_EXTENDED.get(code) or _SQLITE.get(code & 0xFF)
        elif "not a database" in str(error):
            found = (CorruptedError, Outcome.NOT_DONE)
    elif isinstance(error, OSError):
        found = _OS.get(error.errno or 0)
    if found is None:
        return InternalError(f"{what}: {type(error).__name__}: {error}")
    kind, outcome = found
    hint = _PLACE if _is_misplaced(error) else _HINTS.get(kind)
    return kind(f"{what}: {error}", hint=hint, outcome=outcome)


def _is_misplaced(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN
    return isinstance(error, OSError) and error.errno in _NO_PLACE


def released(error: E) -> E:
    """The error, whose traceback holds nothing of the connection any more.

    A cursor that has rows left keeps its connection at the moment when it was opened: reads would
    be old, and writes refused once another process has written, for as long as somebody keeps
    the error.
    """
    traceback.clear_frames(error.__traceback__)
    return error


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn native errors of the block into the library's."""
    try:
        yield
    except OmniCloudError:
        raise
    except Exception as error:
        raise translated(error, what) from error
