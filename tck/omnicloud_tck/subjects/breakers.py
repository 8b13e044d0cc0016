"""Circuits in a store beside plain state machines."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.breaker import BreakerFeature, CircuitSettings
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.core.circuit import Permit, Verdict
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.chances import Chance, Verb, of, one_of
from omnicloud_tck.programs.circumstances import LEGION
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects.breaker_meeting import BREAKER_MEETING
from omnicloud_tck.subjects.circuits import Machine, Moment, Unclear

__all__ = ["BREAKER_SUBJECT"]

Pipe = Pipeline[Any]
_PLAIN = CircuitSettings(2, 400.0)
_TICKETS = ("one", "two", "three")
_HOWS = ("cancelled", "forgotten", "reset")
_ROW = 8  # failures; where more are asked for the circuit may stay closed
_LONG = 300.0  # seconds that pass in no program over a real backend


class _BreakersTwin:
    def __init__(self, scene: Scene) -> None:
        self._pipes, self._space, self._world = scene.pipes, scene.space, scene.world
        self._machines: dict[str, Machine] = {}
        self._permits: dict[str, list[tuple[Permit, tuple[int, str]]]] = {}
        self._over = False

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        if self._over:
            return
        try:
            await getattr(self, verb)(self._pipes[client], *rest)
        except Unclear:
            self._over = True  # what is so now the model does not know

    async def end(self) -> None:
        return

    async def _asked(self, pipe: Pipe, op: Operation[Any, Any]) -> tuple[Any, Moment]:
        before = self._world.clock.monotonic()
        answer = await pipe.send(op)
        return answer, Moment(before, self._world.clock.monotonic())

    def _settled(self, settings: CircuitSettings) -> CircuitSettings:
        """Settings whose times come or do not come while a program runs on a real backend."""
        if self._world.virtual:
            return settings
        return CircuitSettings(
            settings.failure_threshold,
            _LONG,
            settings.failure_rate,
            settings.slow_rate,
            settings.slow_seconds,
            10 * _LONG,
            settings.minimum_calls,
            _LONG,
        )

    def _machine(self, name: str) -> Machine:
        return self._machines.setdefault(name, Machine())

    async def admit(self, pipe: Pipe, name: str, given: CircuitSettings, ticket: str) -> None:
        machine, settings = self._machine(name), self._settled(given)
        answer, now = await self._asked(pipe, Admit(self._space + name, settings, ticket))
        passes = machine.admits(settings, now, ticket)
        equal(passes, answer.permit is not None, f"whether {ticket!r} may pass {name!r}")
        machine.compare(settings, now, answer.reading, f"{name!r} after a question")
        if answer.permit is not None:
            trial = ticket if machine.opened is not None else ""
            equal(bool(trial), bool(answer.permit.trial), f"whether {ticket!r} is a trial")
            self._permits.setdefault(name, []).append((answer.permit, (machine.era, trial)))

    async def report(
        self,
        pipe: Pipe,
        name: str,
        given: CircuitSettings,
        which: int,
        verdict: Verdict,
        took: float,
    ) -> None:
        """The end of one of the latest calls that were let pass, or of one long ago."""
        machine, settings = self._machine(name), self._settled(given)
        permits = self._permits.get(name)
        if not permits:
            return
        permit, known = permits[-1 - which % len(permits)]
        op = Report(self._space + name, settings, permit, verdict, took)
        reading, now = await self._asked(pipe, op)
        machine.report(settings, now, known, verdict, took)
        machine.compare(settings, now, reading, f"{name!r} after a {verdict.value}")

    async def several(
        self, pipe: Pipe, name: str, given: CircuitSettings, verdicts: list[Verdict], took: float
    ) -> None:
        """Calls that are let pass and end at once, one after another."""
        for verdict in verdicts:
            await self.admit(pipe, name, given, "several")
            await self.report(pipe, name, given, 0, verdict, took)

    async def given_up(
        self, pipe: Pipe, name: str, given: CircuitSettings, how: str, verdict: Verdict
    ) -> None:
        """A trial that is cancelled, forgotten or reset, the next, and the late end of one."""
        settings = self._settled(given)
        for ticket in ("early", "late"):
            failures = min(settings.failure_threshold, _ROW)
            await self.several(pipe, name, given, [Verdict.FAILURE] * failures, 0.1)
            await self.rest(pipe, settings.reset_timeout * 1.13)
            await self.admit(pipe, name, given, ticket)
            if how == "cancelled":
                await self.report(pipe, name, given, 0, Verdict.NEUTRAL, 0.1)
            elif how == "forgotten":
                await self.rest(pipe, settings.trial_seconds * 1.13)
            elif ticket == "early":
                await self.reset(pipe, name, given)
            await self.look(pipe, name, given)
        await self.admit(pipe, name, given, "next")
        await self.report(pipe, name, given, 1, verdict, 0.1)
        await self.admit(pipe, name, given, "next")
        await self.report(pipe, name, given, 0, verdict, 0.1)

    async def legion(self, pipe: Pipe, count: int) -> None:
        """Calls that fail, each of another circuit."""
        for number in range(count):
            await self.several(pipe, f"many-{number}", _PLAIN, [Verdict.FAILURE], 0.1)

    async def look(self, pipe: Pipe, name: str, given: CircuitSettings) -> None:
        settings = self._settled(given)
        reading, now = await self._asked(pipe, Look(self._space + name, settings))
        self._machine(name).compare(settings, now, reading, f"{name!r} that is looked at")

    async def reset(self, pipe: Pipe, name: str, given: CircuitSettings) -> None:
        settings, machine = self._settled(given), self._machine(name)
        reading, now = await self._asked(pipe, Reset(self._space + name, settings))
        machine.reset()
        machine.compare(settings, now, reading, f"{name!r} after a reset")

    async def rest(self, _: Pipe, seconds: float) -> None:
        """Let time pass, where that costs none."""
        if self._world.virtual:
            await self._world.sleep(seconds)
        that(seconds >= 0, "time goes forward")


def _circuit(chance: Chance) -> str:
    return chance.choice([name or "x" for name in chance.names[:2]])


def _settings(chance: Chance) -> CircuitSettings:
    """Those of the list; sometimes of one who waits for another time or bears another number."""
    kept: CircuitSettings | None = chance.kept.get("settings")
    if kept is None:
        rolls = chance.random() < 0.5
        kept = chance.kept["settings"] = CircuitSettings(
            chance.choice((1, 2, 2, 3, 5) if not rolls else (5, 1000, 1000)),
            chance.choice((0.6, 1.9, 30.0, 400.0, 90_000.0)),
            chance.choice((None, 0.25, 0.5, 0.75, 1.0)) if rolls else None,
            chance.choice((None, 0.5, 0.5, 0.8)) if rolls else None,
            chance.choice((0.2, 1.9)),
            chance.choice((1.9, 60.0, 4000.0)),
            chance.choice((1, 2, 4, 7)),
            chance.choice((0.7, 1.9, 60.0, 5000.0)),
        )
    if chance.random() < 0.85:
        return kept
    return CircuitSettings(
        chance.choice((1, 2, 4, 50)),
        chance.choice((0.6, 30.0, 90_000.0)),
        kept.failure_rate,
        kept.slow_rate,
        kept.slow_seconds,
        kept.window_seconds,
        kept.minimum_calls,
        chance.choice((0.7, 60.0)),
    )


def _took(chance: Chance) -> float:
    """Seconds, about as many as are slow."""
    return _settings(chance).slow_seconds * chance.choice((0.0, 0.5, 0.9, 1.0, 1.0, 1.1, 40.0))


def _rest(chance: Chance) -> float:
    """About one of the list's times, a little less or more of it, or a day."""
    kept = _settings(chance)
    times = (kept.reset_timeout, kept.trial_seconds, kept.window_seconds, 90_000.0)
    return chance.choice(times) * chance.choice((0.21, 0.53, 0.83, 1.13, 1.13))


def _verdict(chance: Chance) -> Verdict:
    return chance.choice(
        (Verdict.FAILURE, Verdict.FAILURE, Verdict.SUCCESS, Verdict.ANSWERED, Verdict.NEUTRAL)
    )


def _verdicts(chance: Chance) -> list[Verdict]:
    usual = (Verdict.FAILURE, Verdict.FAILURE, Verdict.FAILURE, Verdict.SUCCESS, Verdict.ANSWERED)
    return [chance.choice(usual) for _ in range(chance.randint(1, 5))]


_WHICH = one_of(0, 0, 0, 1, 2, 3, 5, 9)
_SHARED = frozenset({BreakerFeature.SHARED})

BREAKER_SUBJECT = Twins(
    "breaker",
    {
        "admit": Verb(6, of(_circuit, _settings, one_of(*_TICKETS)), _SHARED),
        "report": Verb(6, of(_circuit, _settings, _WHICH, _verdict, _took), _SHARED),
        "several": Verb(2, of(_circuit, _settings, _verdicts, _took), _SHARED),
        "given_up": Verb(0.5, of(_circuit, _settings, one_of(*_HOWS), _verdict), _SHARED),
        "look": Verb(3, of(_circuit, _settings), _SHARED),
        "reset": Verb(0.7, of(_circuit, _settings), _SHARED),
        "rest": Verb(4, of(_rest)),
    },
    _BreakersTwin,
    meeting=BREAKER_MEETING,
    legion=("legion", LEGION),
    long=400,
    stepped=True,
)
