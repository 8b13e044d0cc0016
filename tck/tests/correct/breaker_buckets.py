"""A right breaker driver that decides by itself, in buckets of a tenth of the window."""

from __future__ import annotations

from dataclasses import dataclass, field

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Admission, BreakerFeature, BreakerLimits, Reading
from omnicloud.core.circuit import CircuitSettings, CircuitState, Permit, Verdict
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature

_FIRST_GENERATION = 100
_BUCKETS = 10


@dataclass(slots=True)
class Fuse:
    """A circuit; ``buckets`` are calls, failures and slow ones by the number of their time."""

    generation: int = _FIRST_GENERATION
    in_a_row: int = 0
    opened: float | None = None
    ticket: str = ""
    given_up: float = 0.0
    buckets: dict[int, list[int]] = field(default_factory=dict)

    def turned(self, opened: float | None) -> Fuse:
        """The next generation, open since then or closed."""
        return Fuse(self.generation + 1, opened=opened)

    def read(self, settings: CircuitSettings, now: float) -> Reading:
        """How it stands."""
        if self.opened is None:
            return Reading(CircuitState.CLOSED, self.in_a_row, 0.0, self.generation)
        half = self.opened + settings.reset_timeout
        until = max(half, self.given_up) if self.ticket else half
        state = CircuitState.HALF_OPEN if now >= half else CircuitState.OPEN
        return Reading(state, self.in_a_row, max(0.0, until - now), self.generation)

    def count(self, settings: CircuitSettings, now: float, *, failed: bool, took: float) -> None:
        """Count a call of the closed circuit."""
        self.in_a_row = self.in_a_row + 1 if failed else 0
        number = int(now / (settings.window_seconds / _BUCKETS))
        kept = (n for n in list(self.buckets) if n <= number - _BUCKETS)
        for old in kept:
            del self.buckets[old]
        bucket = self.buckets.setdefault(number, [0, 0, 0])
        for place, more in enumerate((True, failed, took > settings.slow_seconds)):
            bucket[place] += more

    def is_spent(self, settings: CircuitSettings) -> bool:
        """Whether it opens now."""
        calls, failed, slow = (sum(b[place] for b in self.buckets.values()) for place in range(3))
        rates = ((settings.failure_rate, failed), (settings.slow_rate, slow))
        over = any(rate is not None and number / calls >= rate for rate, number in rates)
        return self.in_a_row >= settings.failure_threshold or (
            calls >= settings.minimum_calls and over
        )


class Fuses(Backend):
    """All circuits by their names."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.all: dict[str, Fuse] = {}


@correct("breaker", spared=("BRK-080", "BRK-082", "BRK-083"))
class BucketBreaker(Apart):
    """Generations begin at a hundred; nothing of the library's own decisions is used."""

    backend_class = Fuses
    _backend: Fuses
    features: frozenset[Feature] = frozenset({BreakerFeature.SHARED})
    limits = BreakerLimits(name_max_bytes=1410)

    def _fuse(self, name: str) -> Fuse:
        return self._backend.all.setdefault(name, Fuse())

    async def admit(self, op: Admit, /) -> Admission:
        await self.arrive()
        fuse, now = self._fuse(op.circuit), self._backend.now()
        state = fuse.read(op.settings, now).state
        permit = Permit(fuse.generation) if state is CircuitState.CLOSED else None
        free = fuse.ticket in ("", op.ticket) or now >= fuse.given_up
        if state is CircuitState.HALF_OPEN and free:
            fuse.ticket, fuse.given_up = op.ticket, now + op.settings.trial_seconds
            permit = Permit(fuse.generation, op.ticket)
        answer = Admission(permit, fuse.read(op.settings, now))
        await self.linger()
        return answer

    async def report(self, op: Report, /) -> Reading:
        await self.arrive()
        fuse, now = self._fuse(op.circuit), self._backend.now()
        if op.permit.generation == fuse.generation:
            after = _closed(fuse, op, now) if fuse.opened is None else _tried(fuse, op, now)
            self._backend.all[op.circuit] = fuse = after
        answer = fuse.read(op.settings, now)
        await self.linger()
        return answer

    async def look(self, op: Look, /) -> Reading:
        await self.arrive()
        answer = self._fuse(op.circuit).read(op.settings, self._backend.now())
        await self.linger()
        return answer

    async def reset(self, op: Reset, /) -> Reading:
        await self.arrive()
        fuse = self._backend.all[op.circuit] = self._fuse(op.circuit).turned(None)
        answer = fuse.read(op.settings, self._backend.now())
        await self.linger()
        return answer


def _closed(fuse: Fuse, op: Report, now: float) -> Fuse:
    if op.verdict not in (Verdict.SUCCESS, Verdict.FAILURE):
        return fuse
    fuse.count(op.settings, now, failed=op.verdict is Verdict.FAILURE, took=op.took)
    return fuse.turned(now) if fuse.is_spent(op.settings) else fuse


def _tried(fuse: Fuse, op: Report, now: float) -> Fuse:
    if not op.permit.trial or op.permit.trial != fuse.ticket:
        return fuse
    if op.verdict is Verdict.NEUTRAL:
        fuse.ticket, fuse.given_up = "", 0.0
        return fuse
    return fuse.turned(now if op.verdict is Verdict.FAILURE else None)
