"""An end for what comes to none: tasks that take no cancellation, and threads that stand still.

A law is bounded by the clock of its world. That bound is kept by the event loop, which a driver can
keep from running (a lock of threads that is held over an ``await``, an endless loop), and by
cancellation, which a driver can swallow. So there is another bound, in real time: in the main
thread a signal breaks off whatever it waits for; another thread is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from omnicloud.testing.virtual import VirtualTimeLoop
from omnicloud_tck.law import Law

__all__ = [
    "STUCK_SECONDS",
    "Stuck",
    "alarmed",
    "in_loop",
    "in_threads",
    "left_standing",
    "settled",
]

T = TypeVar("T")
R = TypeVar("R")

STUCK_SECONDS = 300.0
"""Real seconds after which a law is broken off, whatever it does: far more than any takes."""
_GRACE_SECONDS, _VIRTUAL_GRACE_SECONDS = 10.0, 1800.0
"""Seconds, on the world's clock, that a task has to end once it is cancelled."""
_AGAIN_SECONDS = 5.0
_THREADS = "law of a trial"
_LOOK_SECONDS = 1.0
_left: list[asyncio.Task[Any]] = []
"""Tasks that did not end: a task that is collected while it waits complains wherever that is."""


class Stuck(KeyboardInterrupt):
    """A law did not end, and its event loop did not run either."""


@contextlib.contextmanager
def alarmed() -> Iterator[None]:
    """Break off the block with :class:`Stuck` after ``STUCK_SECONDS``, and again while it ends.

    In the main thread only, on systems with signals, and where nobody else uses the alarm.
    """
    if not _is_ours():
        yield
        return

    def ring(*_: object) -> None:
        raise Stuck

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, STUCK_SECONDS, _AGAIN_SECONDS)
    try:
        yield
    finally:
        _disarm(before)


def _disarm(before: Any) -> None:
    while signal.getsignal(signal.SIGALRM) is not before:
        with contextlib.suppress(Stuck):  # it may ring just now
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _is_ours() -> bool:
    return (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    )


async def settled(main: Coroutine[Any, Any, T], seconds: float) -> T:
    """What a coroutine comes to within its time; it is cancelled after it, and not waited for long.

    Raises:
        TimeoutError: It had not ended; it may run still, if it took no cancellation.
    """
    task = asyncio.ensure_future(main)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        in_time = task.done()
        if not in_time:
            task.cancel()
            await asyncio.wait((task,), timeout=_grace())
        failed = task.done() and not task.cancelled() and task.exception() is not None
    if not in_time and not failed:
        raise TimeoutError
    return task.result()


@contextlib.contextmanager
def in_loop(
    factory: Callable[[], asyncio.AbstractEventLoop] | None,
) -> Iterator[asyncio.Runner]:
    """A runner; tasks that do not end when they are cancelled at its end are left behind."""
    runner = asyncio.Runner(loop_factory=factory)
    try:
        yield runner
    finally:
        with contextlib.suppress(Stuck, SystemExit):
            runner.run(_ended())
            runner.close()


async def _ended() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if not others:
        return
    done, left = await asyncio.wait(others, timeout=_grace())
    for task in done:
        if not task.cancelled():
            task.exception()  # nobody asks for it any more
    for task in left:
        # https://docs.python.org/3/library/asyncio-extending.html#task-lifetime-support
        asyncio.tasks._unregister_task(task)  # noqa: SLF001 - documented, for such as this
    _left.extend(left)


def _grace() -> float:
    is_virtual = isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    return _VIRTUAL_GRACE_SECONDS if is_virtual else _GRACE_SECONDS


def left_standing() -> bool:
    """Whether a thread of :func:`in_threads` was given up: the process cannot end by itself."""
    return any(thread.name.startswith(_THREADS) for thread in threading.enumerate())


def in_threads(
    laws: Sequence[Law], workers: int, try_one: Callable[[Law], R], give_up: Callable[[Law], R]
) -> Iterator[R]:
    """Try laws in so many threads; a law whose thread stands still is given up, and the thread.

    Args:
        give_up: What comes of a law that does not end, or cannot begin any more.
    """
    begun: dict[Law, float] = {}

    def beginning(made: Law) -> R:
        begun[made] = time.monotonic()
        return try_one(made)

    pool = ThreadPoolExecutor(workers, thread_name_prefix=_THREADS)
    waiting: dict[Future[R], Law] = {pool.submit(beginning, made): made for made in laws}
    stuck = 0
    try:
        while waiting and stuck < workers:
            done, _ = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
            for one in done:
                del waiting[one]
                yield one.result()
            late = time.monotonic() - STUCK_SECONDS
            for one, made in list(waiting.items()):
                if begun.get(made, late) < late:
                    stuck += 1
                    del waiting[one]
                    yield give_up(made)
        yield from map(give_up, waiting.values())
    finally:
        pool.shutdown(wait=stuck == 0, cancel_futures=True)
