"""Files that drivers keep: replaced whole, and the system's errors about them as the library's."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnicloud.errors import (
    InternalError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
)

__all__ = ["Replacement", "file_errors", "replace_file"]

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


@contextmanager
def file_errors(what: str) -> Iterator[None]:
    """Turn the system's errors in the block into the library's, about ``what``.

    Raises:
        ResourceExhaustedError: The disk is full, or too many files are open; not done.
        PermissionDeniedError: The file or its folder may not be read or written; not done.
        UnavailableError: It cannot be reached (not done), or the disk failed (unknown).
        InternalError: Any other of the system's errors.
    """
    try:
        yield
    except OSError as error:
        raise _translated(error, what) from error


def _translated(error: OSError, what: str) -> OmniCloudError:
    row = _OS.get(error.errno or 0)
    if row is None:
        return InternalError(f"{what}: {type(error).__name__}")
    kind, outcome, hint = row
    return kind(f"{what}: {error.strerror}", hint=hint, outcome=outcome)


class Replacement:
    """The right of one caller to replace a file, which ends with the call.

    A thread cannot be cancelled. One whose caller was goes on, but no longer replaces the file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether nothing is replaced by this right any more."""
        return self._ended

    def end(self) -> None:
        """From now on nothing is replaced by this right."""
        with self._lock:
            self._ended = True

    def replace(self, temporary: Path, target: Path) -> None:
        """Replace the target, or where the right has ended remove the replacement."""
        with self._lock:
            if self._ended:
                temporary.unlink()
            else:
                temporary.replace(target)


def replace_file(path: Path, content: bytes, right: Replacement) -> None:
    """Replace a file: who reads sees all of the old or all of the new, also after a crash.

    A link stays a link, and the file keeps its mode; a new one is for its owner alone. Blocks:
    call it in a thread. Nothing was replaced where it raises, except by the last error there can
    be: that the folder could not be made to survive a loss of power.

    Raises:
        OSError: As the system has it; see :func:`file_errors`.
    """
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o600
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        right.replace(Path(temporary), target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync(target.parent)


def _sync(folder: Path) -> None:
    """Make the replacement itself survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
