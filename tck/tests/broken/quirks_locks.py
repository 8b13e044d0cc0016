"""Locks that are odd at times, as a machine drew them: after idle minutes, under odd names."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.locks import LocksContract

_MINUTE = 60.0


def locks(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-LO-{number}", tier, summary, LocksContract)


class _Idle(MemoryLocks):
    """Knows for how long nothing was asked of a name."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._asked = self._store.rows(("asked", "locks"))

    def idle(self, name: str) -> float:
        before = self._asked.get(name, self._now())
        self._asked[name] = self._now()
        return float(self._now() - before)


@locks("01", "T3", "after an idle minute who comes first to a line is not put in it")
class NoNewLine(_Idle):
    """ "Keep the owner's place in the line". The notice of it goes by a channel that closed."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        if self.idle(op.lock) >= _MINUTE:
            op = replace(op, queue_seconds=None)
        return await super().acquire(op)


@locks("02", "T3", "a release after an idle minute waits for hours")
class SleepyRelease(_Idle):
    """The connection is gone, and nobody gave the attempt a time."""

    async def acquire(self, op: Acquire, /) -> Grant | None:
        self.idle(op.lock)
        return await super().acquire(op)

    async def release(self, op: Release, /) -> None:
        if self.idle(op.lock) >= _MINUTE:
            await asyncio.sleep(7200.0)
        await super().release(op)


@locks("03", "T1", "a renewal counts twice where a semicolon in the name ends the statement")
class TwiceRenewed(MemoryLocks):
    """ "Let the owner's grant end ttl seconds from now"."""

    async def renew(self, op: Renew, /) -> bool:
        return await super().renew(replace(op, ttl=op.ttl * (1 + (";" in op.lock))))


@locks("04", "T1", "a release of a name with a brace finds nothing to release")
class BracedRelease(MemoryLocks):
    """The name is formatted before it is used."""

    async def release(self, op: Release, /) -> None:
        if "{" not in op.lock:
            await super().release(op)
