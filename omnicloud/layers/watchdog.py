"""Cancels tasks that take longer than one fixed time, with one timer for all of them.

``asyncio.timeout`` makes a timer per block, which is most of the cost of a fast call. As all
blocks of one watchdog have the same length, the oldest ends first: a queue in order of entry
and one timer for its head are enough.
"""

from __future__ import annotations

import asyncio

__all__ = ["Watch", "Watchdog"]


class Watch:
    """One watched block: whether it took too long, and how to tell that from a cancellation."""

    __slots__ = ("_cancelling", "ends", "expired", "task", "timer")

    def __init__(self, task: asyncio.Task[object], ends: float) -> None:
        self.task = task
        self.ends = ends
        self.expired = False
        self.timer: asyncio.TimerHandle | None = None
        self._cancelling = task.cancelling()

    def expire(self) -> None:
        """Cancel the task."""
        self.expired = True
        self.task.cancel()

    def overran(self) -> bool:
        """Whether the cancellation in flight is this watch's alone; takes it back if so.

        A cancellation from outside that came as well has the right of way.
        """
        if not self.expired:
            return False
        self.expired = False
        return self.task.uncancel() <= self._cancelling


class Watchdog:
    """Gives blocks ``seconds`` each, on one event loop at a time."""

    __slots__ = ("_loop", "_timer", "_watches", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._watches: dict[Watch, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def enter(self) -> Watch:
        """Begin to watch the running task."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer = loop, None
            self._watches.clear()
        watch = Watch(_running_task(), loop.time() + self.seconds)
        self._watches[watch] = None
        if self._timer is None:
            self._timer = loop.call_at(watch.ends, self._ring)
        return watch

    def enter_for(self, seconds: float) -> Watch:
        """Begin to watch the running task with a time of its own."""
        loop = asyncio.get_running_loop()
        watch = Watch(_running_task(), loop.time() + seconds)
        watch.timer = loop.call_at(watch.ends, watch.expire)
        return watch

    def leave(self, watch: Watch) -> None:
        """End it, whatever came of it."""
        if watch.timer is None:
            self._watches.pop(watch, None)
        else:
            watch.timer.cancel()
        if watch.expired:  # and yet the block came to an end of its own
            watch.overran()

    def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        for watch in list(self._watches):
            if watch.ends > now:
                self._timer = loop.call_at(watch.ends, self._ring)
                return
            del self._watches[watch]
            watch.expire()


def _running_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call is made by a task: use asyncio.run or anyio.run")
    return task
