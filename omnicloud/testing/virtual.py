"""Virtual time: an event loop whose clock jumps to the next timer when nothing else is to do.

Tests with hours of sleeps and timeouts then take milliseconds, and always the same ones::

    async def patient() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    run_virtual(patient())        # 3600.0, at once

A task that spins without ever waiting would stop virtual time; after 20,000 turns of the loop
in a row each further turn takes five milliseconds, so that timeouts end it.

Work in threads that goes through ``run_in_executor`` is waited for in real time before the
clock jumps; threads that the loop does not know of are not.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["LoopClock", "VirtualTimeLoop", "run_virtual"]

T = TypeVar("T")

_WALL_START = 1_700_000_000.0  # 2023-11-14, any fixed day will do
_PATIENCE = 0.5  # real seconds of one wait for threads
_SPIN_TURNS = 20_000  # turns in a row without waiting after which a task is taken to spin
_SPIN_SECONDS = 0.005  # virtual seconds that each further turn takes


class _JumpingSelector(selectors.BaseSelector):
    """Answers at once; where the loop would have waited, the clock jumps instead."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop
        self._turns = 0

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: Any = None
    ) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._turned()
            return ready
        self._turns = 0
        if timeout is None or self._loop.busy_threads:
            return self._real.select(_PATIENCE)
        self._loop.jump(timeout)
        return []

    def _turned(self) -> None:
        """Let time pass for a task that spins, so that timeouts end it."""
        self._turns += 1
        if self._turns > _SPIN_TURNS:
            self._loop.jump(_SPIN_SECONDS)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, starting at 0 seconds."""

    _clock_resolution: float

    def __init__(self) -> None:
        self._now = 0.0
        self.busy_threads = 0
        """Calls in executor threads that have not come back."""
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        # After some weeks a nanosecond more is no other number, and no timer would be due.
        self._clock_resolution = max(self._clock_resolution, 2 * math.ulp(self._now))

    def run_in_executor(  # type: ignore[override]  # the stub's TypeVarTuple cannot be restated
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        self.busy_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self.busy_threads -= 1


class LoopClock:
    """A :class:`~omnicloud.core.clock.Clock` that reads the running loop's time.

    The wall clock can be stepped, as an operator or a time server would.
    """

    def __init__(self, wall_start: float = _WALL_START) -> None:
        self._wall_start = wall_start

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self._wall_start + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def step_wall(self, seconds: float) -> None:
        """Move the wall clock forward or, with a negative number, back."""
        self._wall_start += seconds


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new loop of virtual time and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
