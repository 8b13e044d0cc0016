"""Limits by control groups, version 1, where this process may make them."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["RATES", "Groups", "permitted", "permitted_on"]

_ROOT = Path("/sys/fs/cgroup")
_BASE = "omnicloud-process"
_CONTROLLERS = ("cpu", "memory")
_IO = "blkio"
_PERIOD = 100_000  # microseconds, over which a processor limit is counted
_NO_LIMIT = 1 << 60
RATES = ("read_bps", "write_bps", "read_iops", "write_iops")
"""Limits of reads and writes, as a spec names them."""


class Groups:
    """The groups of one container, one for each controller.

    Args:
        id_: The container's own.
        disk: The number of the disk whose reads and writes are limited; ``None`` is no limits
            of those.
    """

    def __init__(self, id_: str, disk: str | None = None) -> None:
        controllers = _CONTROLLERS if disk is None else (*_CONTROLLERS, _IO)
        self._paths = {each: _ROOT / each / _BASE / id_ for each in controllers}
        self._id = id_
        self._disk = disk

    def make(self) -> None:
        """Make them, where they are not there."""
        for path in self._paths.values():
            path.mkdir(parents=True, exist_ok=True)

    def join(self) -> None:
        """Put the calling process into them."""
        self.add(0)

    def add(self, pid: int) -> None:
        """Put a process into them; 0 is the calling one."""
        for path in self._paths.values():
            (path / "cgroup.procs").write_text(str(pid))

    def limit(self, limits: Mapping[str, Any]) -> None:
        """Set limits by their names in a spec; one of ``None``, or that is left out, is none.

        Raises:
            OSError: The kernel refuses: more memory is in use than that.
        """
        cpu, memory = limits.get("cpu"), limits.get("memory_bytes")
        quota = -1 if cpu is None else round(cpu * _PERIOD)
        self._file("memory", "memory.limit_in_bytes").write_text(
            str(-1 if memory is None else memory)
        )
        self._file("cpu", "cpu.cfs_quota_us").write_text(str(quota))
        self._pace({rate: limits.get(rate) or 0 for rate in RATES})

    def unpace(self) -> None:
        """Let reads and writes go: what waits for its disk cannot be killed before."""
        with contextlib.suppress(OSError):
            self._pace(dict.fromkeys(RATES, 0))

    def limits(self) -> dict[str, Any]:
        """The limits as the kernel has them, by their names in a spec."""
        quota = int(self._file("cpu", "cpu.cfs_quota_us").read_text())
        period = int(self._file("cpu", "cpu.cfs_period_us").read_text())
        memory = int(self._file("memory", "memory.limit_in_bytes").read_text())
        return {
            "cpu": None if quota < 0 else quota / period,
            "memory_bytes": None if memory > _NO_LIMIT else memory,
            **({} if self._disk is None else {rate: self._rate(rate) for rate in RATES}),
        }

    def throttled(self) -> tuple[int, int, float]:
        """Periods in which it had work under a limit, those it was throttled in, and how long.

        Seconds, summed over processors, as the kernel has counted since the group was made.
        """
        lines = self._file("cpu", "cpu.stat").read_text().splitlines()
        counted = {name: int(value) for name, value in map(str.split, lines)}
        seconds = counted["throttled_time"] / 1e9
        return counted["nr_periods"], counted["nr_throttled"], seconds

    def remove(self) -> None:
        """Remove them, where nothing is in them, all that there can be."""
        for controller in (*_CONTROLLERS, _IO):
            with contextlib.suppress(OSError):
                (_ROOT / controller / _BASE / self._id).rmdir()

    def _file(self, controller: str, name: str) -> Path:
        return self._paths[controller] / name

    def _pace(self, rates: Mapping[str, int]) -> None:
        """Limit reads and writes; 0 is no limit."""
        for rate, limit in rates.items() if self._disk is not None else ():
            self._file(_IO, _throttle(rate)).write_text(f"{self._disk} {limit}")

    def _rate(self, rate: str) -> int | None:
        lines = self._file(_IO, _throttle(rate)).read_text().splitlines()
        told = dict(line.split() for line in lines)
        return int(told[self._disk]) if self._disk in told else None


def permitted() -> bool:
    """Whether limits of processors and memory work here: tried, not guessed."""
    return _works(None, {"cpu": 0.5, "memory_bytes": 64 << 20})


def permitted_on(disk: str) -> bool:
    """Whether they do, and limits of that disk's reads and writes, too."""
    asked = dict.fromkeys(RATES, 1 << 20)
    return _works(disk, {"cpu": 0.5, "memory_bytes": 64 << 20, **asked})


def _works(disk: str | None, limits: dict[str, Any]) -> bool:
    trial = Groups(f"trial-{os.getpid()}-{uuid.uuid4().hex[:8]}", disk)
    try:
        trial.make()
        trial.limit(limits)
        return trial.limits() == limits
    except (OSError, ValueError):
        return False
    finally:
        trial.remove()


def _throttle(rate: str) -> str:
    return f"blkio.throttle.{rate}_device"
