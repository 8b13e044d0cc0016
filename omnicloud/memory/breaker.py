"""The breaker contract in memory: circuits that all clients of a store share."""

from __future__ import annotations

from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import admitted, read, reported, reset
from omnicloud.contracts.breaker.models import Admission, BreakerFeature, BreakerLimits, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit
from omnicloud.core.operation import Feature
from omnicloud.memory.store import MemoryStore, Rows

__all__ = ["FEATURES", "MemoryBreaker"]

FEATURES: frozenset[Feature] = frozenset(BreakerFeature) - {BreakerFeature.DURABLE}


class MemoryBreaker:
    """A breaker driver over rows of a :class:`MemoryStore`, one circuit a row.

    Circuits take no part in transactions, so none of them waits for one.
    """

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._table = ("breaker", namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> BreakerLimits:
        return BreakerLimits()

    async def admit(self, op: Admit, /) -> Admission:
        await self._store.reading()
        after, answer = admitted(self._circuit(op.circuit), op, self._now())
        self._keep(op.circuit, after)
        return answer

    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        after, answer = reported(self._circuit(op.circuit), op, self._now())
        self._keep(op.circuit, after)
        return answer

    async def look(self, op: Look, /) -> Reading:
        await self._store.reading()
        return read(self._circuit(op.circuit), op.settings, self._now())

    async def reset(self, op: Reset, /) -> Reading:
        await self._store.reading()
        after, answer = reset(self._circuit(op.circuit), op, self._now())
        self._keep(op.circuit, after)
        return answer

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    # What follows decides without awaiting.

    def _rows(self) -> Rows:
        return self._store.rows(self._table)

    def _circuit(self, name: str) -> Circuit:
        held: Circuit = self._rows().get(name, CLOSED_CIRCUIT)
        return held

    def _keep(self, name: str, circuit: Circuit) -> None:
        if circuit is not CLOSED_CIRCUIT:
            self._rows()[name] = circuit

    def _now(self) -> float:
        return self._store.clock.monotonic()
