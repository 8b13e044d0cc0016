"""A circuit as a plain state machine, which knows about when each thing happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from omnicloud.contracts.breaker import CircuitSettings, CircuitState
from omnicloud.contracts.breaker.models import Reading
from omnicloud.core.circuit import Verdict
from omnicloud_tck.check import equal, that

__all__ = ["Machine", "Moment", "Unclear"]

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
_SLACK = 0.1  # seconds by which what is left of a time may be told otherwise
_PART = 0.1  # of the window: what is older than the rest of it may be forgotten, or may not


class Unclear(Exception):  # noqa: N818 - not an error: the model does not know
    """What should be is not known: it happens just now. The program ends here."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened between two readings of the clock."""

    first: float
    last: float

    def passed(self, now: Moment, seconds: float) -> bool:
        """Whether so much time has passed since.

        Raises:
            Unclear: It does so just now.
        """
        if now.first >= self.last + seconds + 1e-6:
            return True
        if now.last < self.first + seconds - 1e-6:
            return False
        raise Unclear


@dataclass(slots=True)
class Machine:
    """One circuit.

    Attributes:
        calls: Of the window: when, whether it failed, whether it was slow.
        trial: The ticket of the trial under way, and when it began.
    """

    failures: int = 0
    opened: Moment | None = None
    era: int = 0
    trial: str = ""
    began: Moment | None = None
    given: float = 0.0
    generation: int | None = None
    calls: list[tuple[Moment, bool, bool]] = field(default_factory=list)

    def state(self, settings: CircuitSettings, now: Moment) -> CircuitState:
        """As one with these settings sees it."""
        if self.opened is None:
            return CLOSED
        return HALF_OPEN if self.opened.passed(now, settings.reset_timeout) else OPEN

    def admits(self, settings: CircuitSettings, now: Moment, ticket: str) -> bool:
        """Whether a call may pass; where it is a trial, it is under way from now on."""
        state = self.state(settings, now)
        if state is not HALF_OPEN:
            return state is CLOSED
        under_way = self.trial and self.began and not self.began.passed(now, self.given)
        if under_way and self.trial != ticket:
            return False
        self.trial, self.began, self.given = ticket, now, settings.trial_seconds
        return True

    def report(
        self,
        settings: CircuitSettings,
        now: Moment,
        permit: tuple[int, str],
        verdict: Verdict,
        took: float,
    ) -> None:
        """The end of a call that was let pass in an era, as a trial of that ticket or none."""
        era, ticket = permit
        if era != self.era:
            return
        if self.opened is not None:
            if ticket and ticket == self.trial:
                self._tried(now, verdict)
            return
        if verdict in (Verdict.NEUTRAL, Verdict.ANSWERED):
            return
        failed = verdict is Verdict.FAILURE
        self.failures = self.failures + 1 if failed else 0
        if settings.rolling:
            self.calls.append((now, failed, took > settings.slow_seconds))
        if self.failures >= settings.failure_threshold or self._too_many(settings, now):
            self._turn(now)

    def _tried(self, now: Moment, verdict: Verdict) -> None:
        self.trial, self.began = "", None
        if verdict is not Verdict.NEUTRAL:
            self._turn(now if verdict is Verdict.FAILURE else None)

    def reset(self) -> None:
        """Closed, and nothing known."""
        self._turn(None)

    def _turn(self, opened: Moment | None) -> None:
        self.era += 1
        self.failures, self.opened, self.trial, self.began = 0, opened, "", None
        self.calls.clear()

    def _too_many(self, settings: CircuitSettings, now: Moment) -> bool:
        answers = {self._over(settings, counted) for counted in self._windows(settings, now)}
        if len(answers) > 1:
            raise Unclear
        return answers.pop()

    def _windows(
        self, settings: CircuitSettings, now: Moment
    ) -> Iterator[list[tuple[Moment, bool, bool]]]:
        """What may be in the window: from the least that is to the most."""
        length = settings.window_seconds
        ages = [(now.last - call[0].first, now.first - call[0].last) for call in self.calls]
        least = sum(old > length * (1 - _PART) for old, _ in ages)
        most = sum(young >= length for _, young in ages)
        for cut in range(most, least + 1):
            yield self.calls[cut:]

    def _over(self, settings: CircuitSettings, calls: list[tuple[Moment, bool, bool]]) -> bool:
        if not calls or len(calls) < settings.minimum_calls:
            return False
        failed = sum(call[1] for call in calls) / len(calls)
        slow = sum(call[2] for call in calls) / len(calls)
        by_failures = settings.failure_rate is not None and failed >= settings.failure_rate
        return by_failures or (settings.slow_rate is not None and slow >= settings.slow_rate)

    def compare(self, settings: CircuitSettings, now: Moment, got: Reading, about: str) -> None:
        """Break unless a reading is what the machine says."""
        state = self.state(settings, now)
        equal((state, self.failures), (got.state, got.failures), f"the circuit {about}")
        if self.generation is None:
            self.generation = got.generation - self.era
        equal(self.generation + self.era, got.generation, f"the generation {about}")
        least, most = self._left(settings, now)
        near = least - _SLACK <= got.retry_after <= most + _SLACK
        that(near, f"{about} {got.retry_after:.2f} s are told, not {least:.2f} to {most:.2f}")

    def _left(self, settings: CircuitSettings, now: Moment) -> tuple[float, float]:
        if self.opened is None:
            return 0.0, 0.0
        ends = [(self.opened, settings.reset_timeout)]
        if self.trial and self.began:
            ends.append((self.began, self.given))
        least = max(0.0, *(since.first + length - now.last for since, length in ends))
        most = max(0.0, *(since.last + length - now.first for since, length in ends))
        return least, most
