"""Checks of a container: run in time, counted, and judged."""

from __future__ import annotations

import os
import signal
import subprocess

from omnicloud_process.supervise.folder import Launch
from omnicloud_process.supervise.tree import below, die_with_parent, send

__all__ = ["Checks"]


class Checks:
    """Runs the check of a container again and again; nothing where it has none."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._pid = 0
        self._timed_out = False
        self._failures = 0
        self.health = "unknown"
        self.next_at: float | None = None
        """When there is something to do, on the monotonic clock."""

    def begin(self, now: float) -> None:
        """A run began."""
        if self._launch["check"]:
            self.health, self._failures, self._pid = "starting", 0, 0
            self.next_at = now + self._launch["check_interval"]

    def end(self) -> None:
        """The run ended, and a check under way with it."""
        self._pid, self.next_at = 0, None

    def keep_time(self, now: float) -> str | None:
        """Start or give up a check that is due; news, where giving up decides."""
        if self.next_at is None or now < self.next_at:
            return None
        if not self._pid:
            return self._start(now)
        self._timed_out = True
        send([*below(self._pid), self._pid], signal.SIGKILL)
        self.next_at = now + self._launch["check_timeout"]
        return None

    def ended(self, pid: int, code: int, now: float) -> str | None:
        """A process ended; news, where it was the check and decides."""
        if not self._pid or pid != self._pid:
            return None
        self._pid = 0
        well = code == 0 and not self._timed_out
        return self._judged(well, now)

    def _start(self, now: float) -> str | None:
        self._timed_out = False
        try:
            process = subprocess.Popen(  # noqa: S603 - what the caller asked for
                self._launch["check"],
                env=self._launch["env"],
                cwd=self._launch["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
            )
        except OSError:
            return self._judged(False, now)
        process.returncode = os.EX_OK  # reaped elsewhere
        self._pid = process.pid
        self.next_at = now + self._launch["check_timeout"]
        return None

    def _judged(self, well: bool, now: float) -> str | None:
        self.next_at = now + self._launch["check_interval"]
        self._failures = 0 if well else self._failures + 1
        told = self.health
        if well:
            self.health = "healthy"
        elif self._failures >= self._launch["check_retries"]:
            self.health = "unhealthy"
        return self.health if self.health != told else None
