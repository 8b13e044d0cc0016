"""The requests of the breaker contract and the driver that answers them.

What to answer is decided in :mod:`omnicloud.core.circuit`; a driver keeps one
:class:`~omnicloud.core.circuit.Circuit` for each name and changes it atomically.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from omnicloud.contracts.breaker.models import Admission, BreakerLimits, Reading
from omnicloud.core.circuit import CircuitSettings, Permit, Verdict
from omnicloud.core.operation import Effect, Feature, Named

__all__ = ["Admit", "BreakerDriver", "Look", "Report", "Reset"]


class BreakerDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> BreakerLimits: ...
    async def admit(self, op: Admit, /) -> Admission: ...
    async def report(self, op: Report, /) -> Reading: ...
    async def look(self, op: Look, /) -> Reading: ...
    async def reset(self, op: Reset, /) -> Reading: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Admit(Named[BreakerDriver, Admission]):
    """Ask whether a call may pass. ``ticket`` is another text for each call."""

    name: ClassVar[str] = "breaker.admit"
    named = "circuit"
    circuit: str
    settings: CircuitSettings
    ticket: str

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: BreakerDriver) -> Awaitable[Admission]:
        return driver.admit(self)


@dataclass(frozen=True, slots=True)
class Report(Named[BreakerDriver, Reading]):
    """Tell how a call that was admitted ended; ``took`` in seconds."""

    name: ClassVar[str] = "breaker.report"
    named = "circuit"
    circuit: str
    settings: CircuitSettings
    permit: Permit
    verdict: Verdict
    took: float

    @property
    def effect(self) -> Effect:
        # The second time it would count a second failure.
        return Effect.ONCE

    def run(self, driver: BreakerDriver) -> Awaitable[Reading]:
        return driver.report(self)


@dataclass(frozen=True, slots=True)
class Look(Named[BreakerDriver, Reading]):
    """The circuit as it is now."""

    name: ClassVar[str] = "breaker.look"
    named = "circuit"
    circuit: str
    settings: CircuitSettings

    def run(self, driver: BreakerDriver) -> Awaitable[Reading]:
        return driver.look(self)


@dataclass(frozen=True, slots=True)
class Reset(Named[BreakerDriver, Reading]):
    """Close the circuit and forget what was reported; calls under way no longer count."""

    name: ClassVar[str] = "breaker.reset"
    named = "circuit"
    circuit: str
    settings: CircuitSettings

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def run(self, driver: BreakerDriver) -> Awaitable[Reading]:
        return driver.reset(self)
