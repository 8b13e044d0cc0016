"""Opening and closing: what is refused, what gets a grace, what is cancelled."""

from __future__ import annotations

import asyncio
from typing import Protocol

from omnicloud.errors import ClosedError, Outcome

__all__ = ["AsyncResource", "CallGate", "closed_error"]


class AsyncResource(Protocol):
    """Something that is closed."""

    async def aclose(self) -> None:
        """Close. It is closed afterwards even when this raises; twice is silent."""


def closed_error() -> ClosedError:
    """What a closed service answers."""
    return ClosedError("the service is closed", hint="use it inside its `async with` block")


class CallGate:
    """Counts the calls in flight, so that closing can wait for them and then end them.

    Args:
        grace: Seconds that calls in flight get.
    """

    __slots__ = ("_closed", "_cut", "_empty", "_grace", "_inside")

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._inside: dict[object, asyncio.Task[object] | None] = {}
        self._cut: set[object] = set()
        self._empty: asyncio.Event | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether new calls are refused."""
        return self._closed

    def enter(self) -> object:
        """Let a call in.

        Raises:
            ClosedError: The gate is closed; nothing was sent.
        """
        if self._closed:
            raise closed_error()
        token = object()
        self._inside[token] = asyncio.current_task()
        return token

    def leave(self, token: object) -> None:
        """Let a call out."""
        self._inside.pop(token, None)
        if self._empty is not None and not self._inside:
            self._empty.set()

    def closed_or(self, error: BaseException, token: object) -> BaseException:
        """The cancellation itself, or a ClosedError where it was this gate that cancelled."""
        if token not in self._cut:
            return error
        self._cut.discard(token)
        task = asyncio.current_task()
        if task is not None and task.uncancel() > 0:
            return error
        return ClosedError(
            "the service was closed while the call was in flight", outcome=Outcome.UNKNOWN
        )

    async def close(self) -> bool:
        """Close the gate; whether this was the call that closed it.

        Calls in flight are cancelled after the grace, or at once when this is cancelled; one
        that does not end then is waited for as long again, and no longer.
        """
        if self._closed:
            return False
        self._closed = True
        # A call that closes its own service cannot wait for itself.
        own = asyncio.current_task()
        for token in [token for token, task in self._inside.items() if task is own]:
            del self._inside[token]
        if self._inside:
            self._empty = asyncio.Event()
            try:
                if not await self._emptied(self._empty):
                    self._cut_all()
                    await self._emptied(self._empty)
            except asyncio.CancelledError:
                self._cut_all()
                raise
        return True

    async def _emptied(self, empty: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self._grace):
                await empty.wait()
        except TimeoutError:
            return False
        return True

    def _cut_all(self) -> None:
        for token, task in self._inside.items():
            if token not in self._cut:
                self._cut.add(token)
                if task is not None:
                    task.cancel()
