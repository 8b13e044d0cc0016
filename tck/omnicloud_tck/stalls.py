"""For how long a call keeps the event loop, on a machine that may have other work."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

__all__ = ["longest_stall"]

_WAITED = Path("/proc/thread-self/schedstat")
_NANO = 1e-9


async def longest_stall(call: Coroutine[Any, Any, Any]) -> float:
    """The longest real time, in seconds, for which the loop did not come round during a call.

    Without the time for which this thread was ready and other work had the processors, where the
    kernel counts it: the second figure of schedstat, see its Documentation/scheduler/sched-stats.
    """
    waited = _Waited()
    try:
        longest = 0.0
        task = asyncio.ensure_future(call)
        last = time.perf_counter() - waited.seconds()
        while not task.done():
            await asyncio.sleep(0)
            now = time.perf_counter() - waited.seconds()
            longest = max(longest, now - last)
            last = now
        await task
        return longest
    finally:
        waited.close()


class _Waited:
    """For how long this thread has waited for a processor."""

    def __init__(self) -> None:
        self._file = os.open(_WAITED, os.O_RDONLY) if _WAITED.exists() else None

    def seconds(self) -> float:
        if self._file is None:
            return 0.0
        return int(os.pread(self._file, 100, 0).split()[1]) * _NANO

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
