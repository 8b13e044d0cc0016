"""One flight per key: many ask for a missing value, one loads it, all get the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from omnicloud.errors import ClosedError, Outcome, UnavailableError

__all__ = ["Flight", "Flights"]

T = TypeVar("T")


class Flight(Generic[T]):
    """A load under way.

    Attributes:
        stale: Whether the key was written, deleted or cleared after the load began, so that
            its result is for those who asked before and must not be stored.
    """

    __slots__ = ("stale", "task", "waiters")

    def __init__(self) -> None:
        self.stale = False
        self.waiters = 0
        self.task: asyncio.Task[T] | None = None


class Flights(Generic[T]):
    """The flights of one cache; it owns their tasks.

    A flight runs in a task of its own, so a waiter that is cancelled, the first one included,
    leaves the others their answer. Once no one waits the flight is cancelled. A flight that
    fails fails all who wait for it; the next to ask begins another.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()
        self._closed = False

    async def join(self, key: Hashable, load: Callable[[Flight[T]], Coroutine[Any, Any, T]]) -> T:
        """The answer of the flight of ``key``, begun with ``load`` if there is none.

        Raises:
            ClosedError: The flights were closed meanwhile.
            Exception: Whatever ``load`` raised.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._begin(key, load)
        task = flight.task
        assert task is not None  # noqa: S101 - set where the flight is begun
        flight.waiters += 1
        try:
            return await self._landed(task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not task.done():
                self._forget(key, flight)
                task.cancel()

    def outdate(self, matches: Callable[[Hashable], bool]) -> None:
        """Let no flight of these keys be joined or stored any more."""
        for key in [key for key in self._flights if matches(key)]:
            self._flights.pop(key).stale = True

    def outdate_key(self, key: Hashable) -> None:
        """Let the flight of this key, if any, be joined and stored no more."""
        flight = self._flights.pop(key, None)
        if flight is not None:
            flight.stale = True

    async def aclose(self) -> None:
        """Cancel all flights and wait for their ends."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self, key: Hashable, load: Callable[[Flight[T]], Coroutine[Any, Any, T]]
    ) -> Flight[T]:
        if self._closed:
            raise ClosedError("the cache is closed")
        flight: Flight[T] = Flight()
        task = asyncio.get_running_loop().create_task(load(flight), name="omnicloud cache flight")
        flight.task = task
        self._flights[key] = flight
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(key, flight, done))
        return flight

    def _ended(self, key: Hashable, flight: Flight[T], task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()  # seen, also where every waiter has left

    def _forget(self, key: Hashable, flight: Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _landed(self, task: asyncio.Task[T]) -> T:
        waiting: Awaitable[T] = asyncio.shield(task)
        with contextlib.suppress(asyncio.CancelledError):
            return await waiting
        own = asyncio.current_task()
        if not task.cancelled() or (own is not None and own.cancelling()):
            raise asyncio.CancelledError
        if self._closed:
            raise ClosedError("the cache was closed while a value was loaded")
        raise UnavailableError("the loader was cancelled from inside", outcome=Outcome.UNKNOWN)
