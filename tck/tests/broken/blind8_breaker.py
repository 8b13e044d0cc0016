"""breaker drivers written against the contract alone, for an eighth count of what is found."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker import Reading
from omnicloud.contracts.breaker.driver import Reset
from omnicloud.core.circuit import Circuit
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def breaker(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-BR-{number}", tier, summary, BreakerContract)


@breaker("01", "T4", "a reset closes the circuit of that name of every service on the store")
class ResetsEverywhere(MemoryBreaker):
    """ "names … never leaving their namespace"; the keys are found by a pattern."""

    async def reset(self, op: Reset, /) -> Reading:
        answer = await super().reset(op)
        for table, rows in self._store._tables.items():
            if table != self._table and op.circuit in rows:
                rows[op.circuit] = Circuit(rows[op.circuit].generation + 1)
        return answer


@breaker("02", "T4", "a reset closes every circuit whose name ends alike, of all tenants")
class ResetsBySuffix(MemoryBreaker):
    """ "two tenants never see each other's names"."""

    async def reset(self, op: Reset, /) -> Reading:
        answer = await super().reset(op)
        last = op.circuit.rpartition("/")[2][-4:]
        for name, held in self._rows().items():
            if name != op.circuit and name.endswith(last):
                self._rows()[name] = Circuit(held.generation + 1)
        return answer
