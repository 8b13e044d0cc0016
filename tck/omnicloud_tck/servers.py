"""Real servers as child processes: started on free ports, killed, brought back, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

__all__ = ["NoServerError", "ServerProcess", "free_port", "heed_sigterm"]

_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.01
_PORTS = range(15_000, 32_000)
_IN_MEMORY, _PLENTY_BYTES = "/dev/shm", 8 << 30  # noqa: S108 - folders in it are our own


class NoServerError(RuntimeError):
    """The server cannot be started: a failure of the run, never a skip."""


class ServerProcess:
    """One server with a folder of its own, which outlives its crashes.

    The folder is in ``OMNICLOUD_TCK_FOLDER`` where that is set, else in ``/dev/shm`` where at
    least 8 GiB are free there, else where temporary files are.

    Args:
        command: Builds the command line from the port and the folder.
        ready: Does a real operation on the port; raises ``OSError`` while it cannot.
        within: Seconds in which it must be ready.
    """

    def __init__(
        self,
        command: Callable[[int, Path], Sequence[str]],
        ready: Callable[[int], Awaitable[None]],
        *,
        within: float = 10.0,
    ) -> None:
        self._command = command
        self._ready = ready
        self._within = within
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._last_resort = weakref.finalize(self, lambda: None)
        self.port = 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it, on the port that it had before where it ran already, and wait until ready.

        Raises:
            NoServerError: There is no such program, it ended, or it was not ready in time.
        """
        self.port = self.port or free_port()
        try:
            await self._start()
        except BaseException:
            self.kill()
            raise

    async def restart(self) -> None:
        """Kill it as ``kill -9`` does and start it again on the same folder and port."""
        self.kill()
        await self.start()

    def kill(self) -> None:
        """End it without a word, as ``kill -9`` does; its folder stays."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.wait(_STOP_SECONDS)
            self._last_resort.detach()

    def remove(self) -> None:
        """End it and remove its folder; twice is silent."""
        self.kill()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    async def _start(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="omnicloud-server-", dir=_above()))
        command = self._command(self.port, self._folder)
        log = self._folder / "server.log"
        try:
            with log.open("ab") as said:
                self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - starts, does not wait
                    command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=_environment()
                )
        except FileNotFoundError:
            raise NoServerError(f"there is no program {command[0]}") from None
        # Where no one removes it, it ends with this process.
        self._last_resort = weakref.finalize(self, self._process.kill)
        until = time.monotonic() + self._within
        while True:
            try:
                await self._ready(self.port)
            except OSError:
                self._check(until, log)
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return

    def _check(self, until: float, log: Path) -> None:
        said = log.read_text(errors="replace")[-2000:]
        if not self.running:
            raise NoServerError(f"the server ended while it started:\n{said}")
        if time.monotonic() > until:
            raise NoServerError(f"the server was not ready after {self._within:.0f} s:\n{said}")


def heed_sigterm() -> None:
    """Have SIGTERM end this process as Ctrl-C does, and so the servers that it started with it.

    Nothing is changed where someone handles it, or outside the main thread.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _above() -> str | None:
    """In memory where there is plenty: a disk that many servers sync at once stalls for seconds.

    What a process wrote before ``kill -9`` is there as on a disk; loss of power is not tried.
    """
    if "OMNICLOUD_TCK_FOLDER" in os.environ:
        return os.environ["OMNICLOUD_TCK_FOLDER"]
    with contextlib.suppress(OSError):
        if shutil.disk_usage(_IN_MEMORY).free >= _PLENTY_BYTES:
            return _IN_MEMORY
    return None


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens at this moment.

    It is below those that the system gives to outgoing connections, so that none of these has
    taken it while a server that was killed starts again.
    """
    for _ in range(100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = secrets.choice(_PORTS)
            probe.bind(("127.0.0.1", port))
            return port
    raise NoServerError(f"no port of {_PORTS.start} to {_PORTS.stop - 1} is free on 127.0.0.1")


def _environment() -> dict[str, str]:
    """Only what a server needs: no settings or secrets of who runs the kit."""
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
