"""Work that a driver sees through although the call that began it was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from omnicloud_aws.errors import closed

__all__ = ["Behind", "unhurt"]

R = TypeVar("R")

_GRACE_SECONDS = 2.0


class Behind:
    """Tasks that one driver owns; none outlives it."""

    def __init__(self) -> None:
        self._work: set[asyncio.Task[Any]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Run what has to come to its end; closing waits for it a little."""
        return _kept(self._work, work)

    async def through(self, work: Coroutine[Any, Any, R]) -> R:
        """Do it to its end even if the caller is cancelled."""
        return await unhurt(self.start(work))

    def wait(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Run what only waits for something; closing ends it."""
        return _kept(self._waiting, work)

    async def aclose(self) -> None:
        """End all of them."""
        for task in tuple(self._waiting):
            task.cancel()
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=_GRACE_SECONDS)
        if self._work:  # some of it begun by what was just ended
            await asyncio.wait(self._work, timeout=_GRACE_SECONDS)
        for task in tuple(self._work):
            task.cancel()
        await asyncio.sleep(0)


async def unhurt(task: asyncio.Task[R]) -> R:
    """The result of a task that goes on when the caller is cancelled.

    Raises:
        ClosedError: Closing ended the task.
    """
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        caller = asyncio.current_task()
        if task.cancelled() and caller is not None and not caller.cancelling():
            raise closed() from None
        raise


def _kept(tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
    task = asyncio.get_running_loop().create_task(work, name="omnicloud aws")
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(_heard)
    return task


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of an error that nobody may ask for."""
    if not task.cancelled():
        task.exception()
