"""Threads that read, each with a connection of its own: they never wait for the writer."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from omnicloud.errors import ClosedError
from omnicloud_local.errors import released, translated

__all__ = ["Readers"]

T = TypeVar("T")

_Job = tuple[Callable[[sqlite3.Connection], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Readers:
    """A few reading threads and the queue they share.

    Args:
        connect: Makes a connection, in the caller's thread.
        count: How many threads.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], count: int, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(
                target=self._work, args=(connect(),), name=f"omnicloud-{name}-r{n}", daemon=True
            )
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, piece: Callable[[sqlite3.Connection], T]) -> T:
        """Run a piece on a reading connection; it sees all that was committed before.

        A piece of several statements that must see one moment begins a transaction itself.
        """
        if self._closed:
            raise ClosedError("the database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((piece, loop, future))
        return await future

    def close(self) -> None:
        """Answer what is queued, then close."""
        if not self._closed:
            self._closed = True
            for _ in self._threads:
                self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout=15)

    def _work(self, connection: sqlite3.Connection) -> None:
        while (job := self._jobs.get()) is not None:
            piece, loop, future = job
            if future.cancelled() or loop.is_closed():
                continue
            try:
                answer = piece(connection)
            except Exception as error:  # noqa: BLE001 - told to the caller
                told = translated(released(error), "reading")
                if told is not error:
                    told.__cause__ = error
                self._tell(loop, future, future.set_exception, told)
            else:
                self._tell(loop, future, future.set_result, answer)
        connection.close()

    @staticmethod
    def _tell(
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[Any],
        settle: Callable[[Any], None],
        value: object,
    ) -> None:
        def answer() -> None:
            if not future.done():
                settle(value)

        if not loop.is_closed():
            loop.call_soon_threadsafe(answer)
