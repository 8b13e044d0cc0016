"""Circuits kept somewhere: the answers of a driver that can change one circuit atomically."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Admission, BreakerLimits, Reading
from omnicloud.core.circuit import (
    CLOSED_CIRCUIT,
    Circuit,
    CircuitSettings,
    admit,
    report,
    retry_after,
    state_at,
)
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.operation import NO_FEATURES, Feature

__all__ = ["InProcess", "admitted", "read", "reported", "reset"]


def read(circuit: Circuit, settings: CircuitSettings, now: float) -> Reading:
    """A circuit as clients see it."""
    state = state_at(circuit, settings, now)
    wait = retry_after(circuit, settings, now)
    return Reading(state, circuit.failures, wait, circuit.generation)


def admitted(circuit: Circuit, op: Admit, now: float) -> tuple[Circuit, Admission]:
    """The circuit after an ``Admit``, and its answer."""
    after, permit = admit(circuit, op.settings, now, op.ticket)
    return after, Admission(permit, read(after, op.settings, now))


def reported(circuit: Circuit, op: Report, now: float) -> tuple[Circuit, Reading]:
    """The circuit after a ``Report``, and its answer."""
    after = report(circuit, op.settings, now, op.permit, op.verdict, op.took)
    return after, read(after, op.settings, now)


def reset(circuit: Circuit, op: Reset, now: float) -> tuple[Circuit, Reading]:
    """The circuit after a ``Reset``, and its answer."""
    after = Circuit(circuit.generation + 1)
    return after, read(after, op.settings, now)


class InProcess:
    """A breaker driver for the tasks of one process: circuits in a dictionary."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._circuits: dict[str, Circuit] = {}

    @property
    def features(self) -> frozenset[Feature]:
        return NO_FEATURES

    @property
    def limits(self) -> BreakerLimits:
        return BreakerLimits()

    async def admit(self, op: Admit, /) -> Admission:
        await asyncio.sleep(0)
        now = self._clock.monotonic()
        self._circuits[op.circuit], answer = admitted(self._circuit(op.circuit), op, now)
        return answer

    async def report(self, op: Report, /) -> Reading:
        now = self._clock.monotonic()
        self._circuits[op.circuit], answer = reported(self._circuit(op.circuit), op, now)
        await asyncio.sleep(0)
        return answer

    async def look(self, op: Look, /) -> Reading:
        await asyncio.sleep(0)
        return read(self._circuit(op.circuit), op.settings, self._clock.monotonic())

    async def reset(self, op: Reset, /) -> Reading:
        await asyncio.sleep(0)
        now = self._clock.monotonic()
        self._circuits[op.circuit], answer = reset(self._circuit(op.circuit), op, now)
        return answer

    async def aclose(self) -> None:
        """Nothing is held."""

    def _circuit(self, name: str) -> Circuit:
        return self._circuits.get(name, CLOSED_CIRCUIT)
