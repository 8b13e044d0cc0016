"""The locks contract in memory: every feature but durability. Grants end by monotonic time."""

from __future__ import annotations

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import (
    EMPTY_LINE,
    Line,
    granted,
    has_ended,
    left,
    renewed,
)
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.operation import Feature
from omnicloud.memory.store import MemoryStore, Rows

__all__ = ["FEATURES", "MemoryLocks"]

FEATURES: frozenset[Feature] = frozenset(LocksFeature) - {LocksFeature.DURABLE}
_SLACK = 64


class MemoryLocks:
    """A locks driver over rows of a :class:`MemoryStore`, one :class:`Line` a name."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._table = ("locks", namespace)
        self._sweep_at = _SLACK

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> LocksLimits:
        return LocksLimits()

    async def acquire(self, op: Acquire, /) -> Grant | None:
        await self._store.reading()
        line, token = granted(
            self._line(op.lock),
            op.owner,
            self._now(),
            ttl=op.ttl,
            permits=op.permits,
            queue_seconds=op.queue_seconds,
            token=self._store.number(),
        )
        self._keep(op.lock, line)
        return None if token is None else Grant(token)

    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        line, done = renewed(self._line(op.lock), op.owner, self._now(), op.ttl)
        self._keep(op.lock, line)
        return done

    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        self._keep(op.lock, left(self._line(op.lock), op.owner))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    # What follows decides without awaiting.

    def _rows(self) -> Rows:
        return self._store.rows(self._table)

    def _line(self, name: str) -> Line:
        line: Line = self._rows().get(name, EMPTY_LINE)
        return line

    def _keep(self, name: str, line: Line) -> None:
        rows = self._rows()
        if line.holders or line.waiting:
            rows[name] = line
        else:
            rows.pop(name, None)
        if len(rows) > self._sweep_at:
            self._sweep(rows)

    def _sweep(self, rows: Rows) -> None:
        """Forget the names whose holders died, often enough to cost nothing a call."""
        now = self._now()
        for name in [name for name, line in rows.items() if has_ended(line, now)]:
            del rows[name]
        self._sweep_at = 2 * len(rows) + _SLACK

    def _now(self) -> float:
        return self._store.clock.monotonic()
