"""The system's errors as the library's: one table.

Paths and arguments are left to the cause.
"""

from __future__ import annotations

import errno

from omnicloud.errors import (
    InternalError,
    InvalidArgumentError,
    OmniCloudError,
    PermissionDeniedError,
    ResourceExhaustedError,
)

__all__ = ["cannot_start", "translated"]

_Row = tuple[type[OmniCloudError], str, str]

_FULL = (ResourceExhaustedError, "the machine has no more of what this needs", "free some of it")
_DENIED = (PermissionDeniedError, "this process may not do that", "see who owns the folder")

_BY_NUMBER: dict[int, _Row] = {
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.EAGAIN: _FULL,
    errno.EDQUOT: _FULL,
    errno.EMFILE: _FULL,
    errno.ENFILE: _FULL,
    errno.ENOMEM: _FULL,
    errno.ENOSPC: _FULL,
}

_BAD_PROGRAM = {
    errno.ENOENT: "there is no such program, or no such working_dir",
    errno.EACCES: "the program may not be executed",
    errno.ENOEXEC: "the program is of no format that this machine executes",
    errno.ENOTDIR: "working_dir is no folder",
    errno.E2BIG: "the command and the environment are too long for this machine",
}


def translated(error: OSError) -> OmniCloudError:
    """The library's error for the system's; the caller chains the cause."""
    kind, message, hint = _BY_NUMBER.get(
        error.errno or 0,
        (InternalError, f"the system failed with {errno.errorcode.get(error.errno or 0)}", ""),
    )
    return kind(message, hint=hint or None)


def cannot_start(number: int) -> OmniCloudError:
    """Why a program did not begin."""
    if number in _BAD_PROGRAM:
        return InvalidArgumentError(_BAD_PROGRAM[number], hint="see command and working_dir")
    return translated(OSError(number, ""))
