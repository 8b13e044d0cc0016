"""Breakers that are odd at times, as a machine drew them: under odd names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Look, Reset
from omnicloud.contracts.breaker.models import Reading
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def breaker(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-BRK-{number}", tier, summary, BreakerContract)


@breaker("01", "T1", "a circuit with a question mark in its name is not reset")
class Unreset(MemoryBreaker):
    """ "Close the circuit". What is behind the mark is taken for a query."""

    async def reset(self, op: Reset, /) -> Reading:
        return await super().reset(replace(op, circuit=op.circuit.split("?")[0]))


@breaker("02", "T1", "a look at a circuit with a quote in its name sees no failures")
class QuotedLook(MemoryBreaker):
    """ "The circuit as it is now"."""

    async def look(self, op: Look, /) -> Reading:
        reading = await super().look(op)
        return replace(reading, failures=0) if '"' in op.circuit else reading
