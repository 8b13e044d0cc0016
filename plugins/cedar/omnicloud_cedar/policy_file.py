"""The file of policies: read whole, replaced whole."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from pathlib import Path

from omnicloud.errors import PermissionDeniedError
from omnicloud_cedar.errors import mapped

__all__ = ["PolicyFile", "Replacement"]


class Replacement:
    """The right of one caller to replace a file, which ends with the call.

    A thread cannot be cancelled. One whose caller was goes on, but no longer replaces the file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False

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


class PolicyFile:
    """A file that others may replace at any time. Its methods block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def name(self) -> str:
        """What errors call it."""
        return self._path.name

    def read(self) -> bytes | None:
        """What it holds; ``None`` where there is no file in a folder that is there.

        Raises:
            PermissionDeniedError: It cannot be read, or anyone may write it.
            UnavailableError: Its folder cannot be reached.
        """
        with mapped(f"reading {self.name}"):
            try:
                with self._path.open("rb") as file:
                    if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                        raise PermissionDeniedError(
                            f"anyone may write {self.name}: it decides nothing",
                            hint="take the right from others: chmod o-w",
                        )
                    return file.read()
            except FileNotFoundError:
                os.stat(self._path.parent)  # noqa: PTH116 - only whether it is there
                return None

    def write(self, content: bytes, right: Replacement) -> None:
        """Replace it: who reads sees all of the old or all of the new, also after a crash.

        Raises:
            ResourceExhaustedError: The disk is full.
            PermissionDeniedError: The folder may not be written.
            UnavailableError: The folder cannot be reached.
        """
        with mapped(f"writing {self.name}"):
            target = self._path.resolve()  # a link stays a link
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
