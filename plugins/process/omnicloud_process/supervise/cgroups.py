"""Limits by control groups, version 1, where this process may make them."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

__all__ = ["CONTROLLERS", "Groups", "permitted"]

_ROOT = Path("/sys/fs/cgroup")
_BASE = "omnicloud-process"
CONTROLLERS = ("cpu", "memory")
_PERIOD = 100_000  # microseconds, over which a processor limit is counted
_NO_LIMIT = 1 << 60


class Groups:
    """The groups of one container, one for each controller."""

    def __init__(self, id_: str) -> None:
        self._paths = {each: _ROOT / each / _BASE / id_ for each in CONTROLLERS}

    def make(self) -> None:
        """Make them, where they are not there."""
        for path in self._paths.values():
            path.mkdir(parents=True, exist_ok=True)

    def join(self) -> None:
        """Put the calling process into them."""
        for path in self._paths.values():
            (path / "cgroup.procs").write_text("0")

    def add(self, pid: int) -> None:
        """Put a process into them."""
        for path in self._paths.values():
            (path / "cgroup.procs").write_text(str(pid))

    def limit(self, cpu: float | None, memory_bytes: int | None) -> None:
        """Set limits; ``None`` is none.

        Raises:
            OSError: The kernel refuses: more memory is in use than that.
        """
        quota = -1 if cpu is None else round(cpu * _PERIOD)
        memory = -1 if memory_bytes is None else memory_bytes
        (self._paths["memory"] / "memory.limit_in_bytes").write_text(str(memory))
        (self._paths["cpu"] / "cpu.cfs_quota_us").write_text(str(quota))

    def limits(self) -> tuple[float | None, int | None]:
        """Processors and bytes, as the kernel has them."""
        quota = int((self._paths["cpu"] / "cpu.cfs_quota_us").read_text())
        period = int((self._paths["cpu"] / "cpu.cfs_period_us").read_text())
        memory = int((self._paths["memory"] / "memory.limit_in_bytes").read_text())
        return (
            None if quota < 0 else quota / period,
            None if memory > _NO_LIMIT else memory,
        )

    def throttled(self) -> tuple[int, int, float]:
        """Periods in which it had work under a limit, those it was throttled in, and how long.

        Seconds, summed over processors, as the kernel has counted since the group was made.
        """
        lines = (self._paths["cpu"] / "cpu.stat").read_text().splitlines()
        counted = {name: int(value) for name, value in map(str.split, lines)}
        seconds = counted["throttled_time"] / 1e9
        return counted["nr_periods"], counted["nr_throttled"], seconds

    def remove(self) -> None:
        """Remove them, where nothing is in them."""
        for path in self._paths.values():
            with contextlib.suppress(OSError):
                path.rmdir()


def permitted() -> bool:
    """Whether limits work here: tried, not guessed."""
    trial = Groups(f"trial-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        trial.make()
        trial.limit(0.5, 64 << 20)
        return trial.limits() == (0.5, 64 << 20)
    except (OSError, ValueError):
        return False
    finally:
        trial.remove()
