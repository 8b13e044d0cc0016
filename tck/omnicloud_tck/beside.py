"""Laws beside each other in copies of this process, where trying them is reckoning alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from omnicloud_tck.law import Law
from omnicloud_tck.runner import Result

__all__ = ["PROCESSES", "CopyEndedError", "in_copies"]

PROCESSES = min(8, os.cpu_count() or 1) if sys.platform == "linux" else 1
"""How many copies: elsewhere a process cannot be relied on to be copied while it has threads."""


class CopyEndedError(Exception):
    """A copy ended while it tried a law: what was tried, or the system, killed it."""


TryOne = Callable[[Law], Result]

_try_one: TryOne | None = None


def in_copies(
    laws: Sequence[Law], try_one: TryOne, begun: Callable[[Law], None]
) -> Iterator[Result]:
    """Try laws, as many at once as there are processors; ``begun`` hears of each, in here.

    What a law does to memory stays in its copy.

    Raises:
        CopyEndedError: Further laws are not tried.
    """
    waiting = list(reversed(laws))
    running: dict[Future[Result], Law] = {}
    pool = ProcessPoolExecutor(
        PROCESSES, multiprocessing.get_context("fork"), initializer=_become, initargs=(try_one,)
    )
    try:
        while waiting or running:
            while waiting and len(running) < PROCESSES:
                begun(made := waiting.pop())
                running[pool.submit(_tried, made)] = made
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                result = one.result()
                del running[one]
                yield result
    except BrokenProcessPool as error:
        ids = ", ".join(sorted(made.id for made in running.values()))
        raise CopyEndedError(f"the process that tried one of {ids} ended") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _become(try_one: TryOne) -> None:
    """What a copy does first. Who interrupts the run interrupts the one that was copied."""
    global _try_one  # noqa: PLW0603 - handed over once, in a process of its own
    _try_one = try_one
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tried(made: Law) -> Result:
    if _try_one is None:
        raise AssertionError("nothing was handed over to this copy")
    return _try_one(made)
