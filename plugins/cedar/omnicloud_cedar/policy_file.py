"""The file of policies: read whole, replaced whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from omnicloud.core.files import Replacement, file_errors, replace_file
from omnicloud.errors import PermissionDeniedError

__all__ = ["PolicyFile"]


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
        with file_errors(f"reading {self.name}"):
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
        with file_errors(f"writing {self.name}"):
            replace_file(self._path, content, right)
