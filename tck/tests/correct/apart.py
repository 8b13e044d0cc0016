"""What right drivers share that have nothing of the reference but its clock and its line."""

from __future__ import annotations

import asyncio
import random

from omnicloud.core.clock import Clock
from omnicloud.memory.store import MemoryStore

__all__ = ["Apart", "Backend"]

_SLOW = 0.005


class Backend:
    """What all clients of one namespace see; a subclass says in ``__init__`` what that is."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.chance = random.Random(7)
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Monotonic seconds."""
        return self.clock.monotonic()

    def tell(self) -> None:
        """Wake who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, moment: float) -> None:
        """Wait for a change, or for a moment by the monotonic clock."""
        waiter = asyncio.ensure_future(self._changed.wait())
        alarm = asyncio.ensure_future(self.clock.sleep(max(0.0, moment - self.now())))
        try:
            await asyncio.wait((waiter, alarm), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            alarm.cancel()


class Apart:
    """A driver whose requests and answers take some turns of the loop, or some milliseconds."""

    backend_class: type[Backend] = Backend

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        shelf = store.rows(("apart", type(self).__name__, namespace))
        self._backend = shelf.setdefault("backend", self.backend_class(store.clock))

    async def arrive(self) -> None:
        """Come to the moment of a request; what follows without an await is one step."""
        await self.linger()
        await self._store.reading()

    async def linger(self) -> None:
        """Be on the way."""
        for _ in range(self._backend.chance.randrange(3)):
            await asyncio.sleep(0)
        if self._backend.chance.random() < 0.1:
            await self._backend.clock.sleep(_SLOW)

    async def aclose(self) -> None:
        """Nothing is held: the backend outlives its clients."""
        await asyncio.sleep(0)
