"""The supervisor of one container: starts it, writes what it says, restarts it, ends it.

It belongs to no client. It holds a lock for as long as it lives, takes orders by a named pipe,
and ends when its container has ended for good.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import time
from pathlib import Path
from typing import Any

from omnicloud_process.supervise.child import Child
from omnicloud_process.supervise.folder import ENDED, Folder
from omnicloud_process.supervise.health import Checks
from omnicloud_process.supervise.segments import Writer
from omnicloud_process.supervise.tree import adopt_orphans, below, send

__all__ = ["main"]

_FOREVER = 3600.0
_EVENT_BYTES, _EVENT_FILES = 1 << 20, 8


class Supervisor:
    """Keeps one container as its policy and its orders say."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._launch = folder.launch()
        self._events = Writer(Path(self._launch["events"]), _EVENT_BYTES, _EVENT_FILES)
        self._logs = Writer(folder.logs, self._launch["log_bytes"], self._launch["log_files"])
        self._orders = os.open(folder.control, os.O_RDWR | os.O_NONBLOCK)
        self._unread = b""
        self._wakened, wake = os.pipe()
        os.set_blocking(self._wakened, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._standing = folder.standing()
        self._standing["restarts"] = 0
        self._child: Child | None = None
        self._checks = Checks(self._launch)
        self._by_hand = False
        self._paused = False
        self._streak = 0
        self._began = 0.0
        self._kill_at: float | None = None
        self._start_at: float | None = None

    def start(self) -> None:
        """Begin a run.

        Raises:
            OSError: The program cannot be started.
        """
        self._start_at, self._paused = None, False
        self._child = Child(self._launch, self._folder.limits(), self._logs)
        self._began = time.monotonic()
        self._checks.begin(self._began)
        self._standing.update(
            {
                "state": "running",
                "exit_code": None,
                "started_at": time.time(),
                "pid": self._child.pid,
                "health": self._checks.health,
            }
        )
        self._told("started")

    def keep(self) -> None:
        """Go on until the container has ended for good."""
        while self._standing["state"] != ENDED:
            ready = self._waited()
            if self._wakened in ready:
                os.read(self._wakened, 4096)
            if self._orders in ready:
                self._obey()
            if self._child is not None:
                self._child.take(ready)
            self._reap()
            self._keep_time(time.monotonic())

    def _waited(self) -> list[int]:
        reading = [self._orders, self._wakened]
        reading += self._child.streams if self._child is not None else []
        alarms = [self._kill_at, self._start_at, self._checks.next_at]
        due = min((at for at in alarms if at is not None), default=None)
        left = _FOREVER if due is None else max(0.0, due - time.monotonic())
        return select.select(reading, [], [], left)[0]

    def _obey(self) -> None:
        *lines, self._unread = (self._unread + os.read(self._orders, 1 << 16)).split(b"\n")
        for line in lines:
            order: dict[str, Any] = json.loads(line)
            if order["do"] == "stop":
                self._stop(float(order["grace"]))
            elif order["do"] == "start" and self._start_at is not None:
                self._start_at = time.monotonic()
            elif order["do"] == "pause":
                self._pause()
            elif order["do"] == "unpause":
                self._unpause()

    def _stop(self, grace: float) -> None:
        self._by_hand = True
        if self._child is None:
            self._rest(self._standing["exit_code"])
            return
        now = time.monotonic()
        first = self._kill_at is None
        self._kill_at = now + grace if first else min(self._kill_at or now, now + grace)
        if first:
            send([self._child.pid], signal.SIGTERM)
        self._unpause()

    def _pause(self) -> None:
        if self._child is not None and not self._paused:
            self._paused = True
            self._hold()
            self._standing["state"] = "paused"
            self._told("paused")

    def _hold(self) -> None:
        """Stop all processes; once more, for those begun meanwhile."""
        for _ in range(2):
            send(below(os.getpid()), signal.SIGSTOP)

    def _unpause(self) -> None:
        if self._child is not None and self._paused:
            self._paused = False
            send(below(os.getpid()), signal.SIGCONT)
            self._standing["state"] = "running"
            self._told("unpaused")

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                code = os.waitstatus_to_exitcode(status)
                code = code if code >= 0 else 128 - code
                if self._child is not None and pid == self._child.pid:
                    self._ended(self._child, code)
                else:
                    self._found(self._checks.ended(pid, code, time.monotonic()))

    def _ended(self, child: Child, code: int) -> None:
        """The program ended: so does all that it began, as in a container."""
        child.let_die()
        while left := below(os.getpid()):
            send(left, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, 0)
        child.finish()
        self._child, self._kill_at, self._paused = None, None, False
        self._checks.end()
        self._standing["health"] = self._checks.health
        self._event("exited", code)
        if self._by_hand or not self._restarts(code):
            self._rest(code)
            return
        steady = time.monotonic() - self._began >= self._launch["steady"]
        self._streak = 0 if steady else self._streak
        delays = self._launch["delays"]
        self._start_at = time.monotonic() + delays[min(self._streak, len(delays) - 1)]
        self._streak += 1
        self._standing.update({"state": "restarting", "exit_code": code, "pid": 0})
        self._folder.stand(self._standing)

    def _restarts(self, code: int) -> bool:
        most = self._launch["most"]
        if self._launch["when"] == "on_failure":
            return code != 0 and (most is None or self._standing["restarts"] < most)
        return self._launch["when"] == "always"

    def _rest(self, code: int | None) -> None:
        self._standing.update({"state": ENDED, "exit_code": code, "pid": 0})
        self._folder.stand(self._standing)

    def _keep_time(self, now: float) -> None:
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = now + 1.0
            if self._child is not None:
                self._child.let_die()
            send(below(os.getpid()), signal.SIGKILL)
        if self._start_at is not None and now >= self._start_at:
            self._standing["restarts"] += 1
            try:
                self.start()
            except OSError:
                self._start_at = None
                self._rest(127)
        if self._child is not None and not self._paused:
            self._found(self._checks.keep_time(now))

    def _found(self, news: str | None) -> None:
        if news is not None:
            self._standing["health"] = news
            self._told(news)

    def _told(self, kind: str) -> None:
        self._folder.stand(self._standing)
        self._event(kind)

    def _event(self, kind: str, code: int | None = None) -> None:
        event = {"name": self._launch["name"], "kind": kind, "at": time.time(), "code": code}
        self._events.append([("event", json.dumps(event).encode())])


def main(path: str, ready: int) -> None:
    """Supervise the container of a folder; say on ``ready`` whether its program began."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    folder = Folder(Path(path))
    with (folder.path / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        adopt_orphans()
        supervisor = Supervisor(folder)
        try:
            supervisor.start()
        except OSError as error:
            os.write(ready, f"{error.errno}".encode())
            return
        os.write(ready, b"0")
        os.close(ready)
        supervisor.keep()
