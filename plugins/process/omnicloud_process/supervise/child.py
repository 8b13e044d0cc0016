"""The program of a container, and what it says."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import Any

from omnicloud_process.supervise.cgroups import Groups
from omnicloud_process.supervise.folder import Launch
from omnicloud_process.supervise.segments import Writer
from omnicloud_process.supervise.tree import die_with_parent

__all__ = ["Child"]

_LONGEST_LINE = 1 << 20
_CHUNK = 1 << 16


class Child:
    """One run of a program. Its lines go to the logs as they come.

    Raises:
        OSError: The program cannot be started.
    """

    def __init__(self, launch: Launch, limits: dict[str, Any], logs: Writer) -> None:
        self._logs = logs
        groups = Groups(launch["id"], limits.get("disk")) if limits["enforced"] else None
        self._groups = groups
        if groups is not None:
            groups.make()
            with contextlib.suppress(OSError):
                groups.limit(limits)

        def before() -> None:
            die_with_parent()
            if groups is not None:
                groups.join()

        self._process = subprocess.Popen(  # noqa: S603 - what the caller asked for
            launch["command"],
            env=launch["env"],
            cwd=launch["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=before,  # noqa: PLW1509 - this process has one thread
        )
        self.pid = self._process.pid
        self._open = {self._fd("stdout"): "O", self._fd("stderr"): "E"}
        self._parts = dict.fromkeys(self._open, b"")

    @property
    def streams(self) -> list[int]:
        """What can be read from."""
        return list(self._open)

    def take(self, ready: list[int]) -> None:
        """Log what came on those streams that are ready."""
        for fd in [fd for fd in ready if fd in self._open]:
            self._take(fd)

    def let_die(self) -> None:
        """Hold it back no longer where that would keep it from being killed."""
        if self._groups is not None:
            self._groups.unpace()

    def finish(self) -> None:
        """Log what is left; the program, and all that it began, has ended."""
        for fd in self.streams:
            os.set_blocking(fd, False)
            with contextlib.suppress(BlockingIOError):
                while self._take(fd):
                    pass
        for fd in self.streams:
            self._close(fd)
        self._process.returncode = 0  # reaped elsewhere

    def _take(self, fd: int) -> bool:
        """Log what is there; whether the stream goes on."""
        data = os.read(fd, _CHUNK)
        if not data:
            self._close(fd)
            return False
        *lines, rest = (self._parts[fd] + data).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._parts[fd] = rest
        self._log(fd, lines)
        return True

    def _close(self, fd: int) -> None:
        rest = self._parts.pop(fd)
        self._log(fd, [rest] if rest else [])
        del self._open[fd]
        os.close(fd)

    def _log(self, fd: int, lines: list[bytes]) -> None:
        head = f"{self._open[fd]} {time.time():.6f}"
        if lines:
            self._logs.append([(head, line) for line in lines])

    def _fd(self, name: str) -> int:
        # The Popen's own file objects would close what is closed here.
        held = getattr(self._process, name)
        fd = os.dup(held.fileno())
        held.close()
        return fd
