"""What the processes of a container use, as the system tells it."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import psutil

from omnicloud.contracts.containers import Stats
from omnicloud.errors import ConflictError
from omnicloud_process.supervise.cgroups import Groups

__all__ = ["used"]


def used(pid: int, at: float, groups: Groups | None = None) -> Stats:
    """Processor time and memory of a process and all below it; throttling of its groups.

    What ended counts in the time of the parent that waited for it.

    Raises:
        ConflictError: The process is gone.
    """
    try:
        main = psutil.Process(pid)
        processes = [main, *main.children(recursive=True)]
        seconds = _seconds(main)
    except psutil.Error:
        raise ConflictError("the container does not run") from None
    memory = 0
    for each in processes:
        with contextlib.suppress(psutil.Error):
            memory += each.memory_info().rss
            seconds += _seconds(each) if each is not main else 0.0
    measured = Stats(seconds, memory, at)
    return measured if groups is None else _with_throttling(measured, groups)


def _with_throttling(measured: Stats, groups: Groups) -> Stats:
    try:
        periods, throttled, seconds = groups.throttled()
    except OSError:  # they go with the container
        raise ConflictError("the container does not run") from None
    return replace(
        measured, periods=periods, throttled_periods=throttled, throttled_seconds=seconds
    )


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
