"""The file on disk: read whole, replaced whole, changed by one at a time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnicloud.core.files import Replacement, file_errors, replace_file
from omnicloud.errors import Outcome, UnavailableError

__all__ = ["SecretFile"]

_PATIENCE = 10.0  # seconds that a change waits for those of other processes
_PAUSE = 0.005  # seconds between two looks whether its turn has come


class SecretFile:
    """A file that others may replace at any time. Its methods block: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    def exists(self) -> bool:
        """Whether it is there, in a folder that is.

        Raises:
            UnavailableError: Its folder cannot be reached.
        """
        with file_errors("looking for the file of secrets"):
            self._path.parent.stat()
            return self._path.exists()

    def read(self) -> bytes:
        """What it holds.

        Raises:
            UnavailableError: It is not there, or cannot be reached.
            PermissionDeniedError: It may not be read.
        """
        with file_errors("reading the file of secrets"):
            return self._path.read_bytes()

    @contextmanager
    def turn(self, right: Replacement) -> Iterator[None]:
        """Keep other changes out, of this process and others, inside the block.

        Raises:
            UnavailableError: Others kept it for too long; not done.
        """
        with file_errors("locking the file of secrets"):
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
        with file_errors("writing the file of secrets"):
            replace_file(self._path, content, right)


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
