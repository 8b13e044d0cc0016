"""A client of a program that can be opened anew, and that hears all errors of its driver."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from omnicloud_tck.telling import everything
from omnicloud_tck.world import World

__all__ = ["Seat"]

_ANSWERED = 300.0  # seconds in which a call is answered, besides those that it is told to wait


class Seat:
    """A driver in whose place another client of the same backend may come.

    Attributes:
        told: What the errors of the drivers said, and the drivers of themselves.
        late: What was answered too late, if anything.
    """

    def __init__(self, world: World[Any]) -> None:
        self._world = world
        self._driver: Any = None
        self._dead: list[Any] = []
        self._taking = asyncio.Lock()
        self.told: list[str] = []
        self.late = ""

    async def sit(self, *, closing: bool = True) -> None:
        """Take a new client; the one before is closed, or left as a dead process leaves it."""
        if closing:
            await self.leave()
        elif self._driver is not None:
            self._dead.append(self._driver)
        self._driver = await self._world.driver()
        self.told.append(f"{self._driver!r} {self._driver}")

    async def taken(self) -> None:
        """Take a client if there is none; of many who ask at once, one does."""
        async with self._taking:
            if self._driver is None:
                await self.sit()

    async def leave(self) -> None:
        """Close the client."""
        before, self._driver = self._driver, None
        if before is not None:
            await self._world.part(before)

    async def bury(self) -> None:
        """Close those that were left, once nothing can come of them any more: a process has few."""
        dead, self._dead = self._dead, []
        for one in dead:
            await self._world.part(one)

    def heard(self) -> list[str]:
        """What was told since it was asked last."""
        told, self.told = self.told, []
        return told

    def __getattr__(self, name: str) -> Any:
        return self._hearing(getattr(self._driver, name), name)

    def _hearing(self, found: Any, name: str) -> Any:
        """The call, whose error is kept."""
        if name == "within":
            return lambda transaction: _Within(self._hearing, found(transaction))
        if not inspect.iscoroutinefunction(found):
            return found

        async def called(*given: Any) -> Any:
            began = self._world.clock.monotonic()
            try:
                answer = await found(*given)
            except Exception as error:
                self.told.append(everything(error))
                raise
            self._in_time(name, began, *given)
            return answer

        return called

    def _in_time(self, name: str, began: float, op: Any = None, *_: Any) -> None:
        """Where time is virtual nobody notices otherwise that an answer took hours."""
        took = self._world.clock.monotonic() - began
        if took > _ANSWERED + getattr(op, "waits", 0.0) and self._world.virtual:
            self.late = f"{name} was answered after {took:.0f} s"


class _Within:
    """The same inside a transaction."""

    def __init__(self, hearing: Any, driver: Any) -> None:
        self._hearing, self._driver = hearing, driver

    def __getattr__(self, name: str) -> Any:
        return self._hearing(getattr(self._driver, name), name)
