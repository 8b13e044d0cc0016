"""The file on disk: read whole, replaced whole, changed by one at a time."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnicloud.errors import Outcome, UnavailableError
from omnicloud_sops.errors import mapped

__all__ = ["Replacement", "SecretFile"]

_PATIENCE = 10.0  # seconds that a change waits for those of other processes
_PAUSE = 0.005  # seconds between two looks whether its turn has come


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


class SecretFile:
    """A file that others may replace at any time. Its methods block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    def exists(self) -> bool:
        """Whether it is there, in a folder that is.

        Raises:
            UnavailableError: Its folder cannot be reached.
        """
        with mapped("looking for the file of secrets"):
            self._path.parent.stat()
            return self._path.exists()

    def read(self) -> bytes:
        """What it holds.

        Raises:
            UnavailableError: It is not there, or cannot be reached.
            PermissionDeniedError: It may not be read.
        """
        with mapped("reading the file of secrets"):
            return self._path.read_bytes()

    @contextmanager
    def turn(self, right: Replacement) -> Iterator[None]:
        """Keep other changes out, of this process and others, inside the block.

        Raises:
            UnavailableError: Others kept it for too long; not done.
        """
        with mapped("locking the file of secrets"):
            target = self._path.resolve()
            handle = os.open(
                target.with_name(f".{target.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600
            )
        try:
            _wait(handle, right)
            yield
        finally:
            os.close(handle)

    def write(self, content: bytes, right: Replacement) -> None:
        """Replace it: who reads sees all of the old or all of the new, also after a crash."""
        with mapped("writing the file of secrets"):
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


def _wait(handle: int, right: Replacement) -> None:
    until = time.monotonic() + _PATIENCE
    while not right.ended:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise UnavailableError(
                    f"others have kept the file of secrets for {_PATIENCE:.0f} s",
                    outcome=Outcome.NOT_DONE,
                ) from None
            time.sleep(_PAUSE)
        else:
            return


def _sync(folder: Path) -> None:
    """Make the replacement itself survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
