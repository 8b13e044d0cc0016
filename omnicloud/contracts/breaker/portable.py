"""The class users hold: calls that fail again and again are not made for a while."""

from __future__ import annotations

import asyncio
import inspect
import secrets
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, final

import anyio

from omnicloud.contracts.breaker.driver import Admit, BreakerDriver, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import InProcess
from omnicloud.contracts.breaker.models import CircuitEvent, Reading
from omnicloud.core.circuit import CircuitSettings, CircuitState, Permit, Verdict
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.names import check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CircuitOpenError, InvalidArgumentError, OmniCloudError

__all__ = ["Breaker"]

P = ParamSpec("P")
T = TypeVar("T")

Listener = Callable[[CircuitEvent], None]
_REPORT_SECONDS = 5.0


@final
class Breaker:
    """Calls that fail again and again are not made for a while.

    Made without a pipeline it protects the calls of one process; with one whose driver declares
    ``shared``, those of many together.

    Args:
        failure_threshold: So many failures in a row open the circuit.
        reset_timeout: Seconds after which an open circuit lets one trial call pass.
        failure_rate: Ratio 0..1 of the calls of the last ``window`` that opens it as well.
        slow_rate: The same for calls that took longer than ``slow_call``.
        slow_call: Seconds.
        window: Seconds.
        minimum_calls: The ratios mean nothing below so many calls in the window.
        trial_timeout: Seconds after which a trial that was not reported is given up.
        excluded: Errors that say nothing about the dependency. Cancellation never does.
        name: What the circuit is called in events, and in a shared store: one name for each
            dependency.
        pipeline: The way to a driver that keeps the circuit; by default this object does.
        clock: Where the time is read.
    """

    def __init__(
        self,
        failure_threshold: int = 5,
        reset_timeout: Seconds = 30.0,
        *,
        failure_rate: float | None = None,
        slow_rate: float | None = None,
        slow_call: Seconds = 1.0,
        window: Seconds = 60.0,
        minimum_calls: int = 10,
        trial_timeout: Seconds = 60.0,
        excluded: tuple[type[BaseException], ...] = (),
        name: str = "breaker",
        pipeline: Pipeline[BreakerDriver] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._name = check_name(name, "circuit")
        self._settings = CircuitSettings(
            _count(failure_threshold, "failure_threshold"),
            positive(reset_timeout, "reset_timeout"),
            _ratio(failure_rate, "failure_rate"),
            _ratio(slow_rate, "slow_rate"),
            positive(slow_call, "slow_call"),
            positive(window, "window"),
            _count(minimum_calls, "minimum_calls"),
            positive(trial_timeout, "trial_timeout"),
        )
        self._excluded = _errors(excluded)
        self._clock = clock
        self._pipeline: Pipeline[BreakerDriver] = pipeline or Pipeline(InProcess(clock))
        self._reading = Reading(CircuitState.CLOSED)
        self._told = CircuitState.CLOSED
        self._seen_at = 0.0
        self._listeners: list[Listener] = []

    @property
    def pipeline(self) -> Pipeline[BreakerDriver]:
        """The way to the driver."""
        return self._pipeline

    @property
    def name(self) -> str:
        """What the circuit is called."""
        return self._name

    @property
    def state(self) -> CircuitState:
        """The state as this object knows it; an open circuit turns half open by time.

        Of a shared circuit that is what the last answer said; :meth:`read` asks.
        """
        reading = self._reading
        if reading.state is CircuitState.OPEN:
            passed = self._clock.monotonic() - self._seen_at
            return CircuitState.OPEN if passed < reading.retry_after else CircuitState.HALF_OPEN
        return reading.state

    async def read(self) -> Reading:
        """Ask for the circuit as it is now."""
        return await self._asked(Look(self._name, self._settings))

    async def reset(self) -> None:
        """Close the circuit and forget all failures; calls under way no longer count."""
        await self._asked(Reset(self._name, self._settings))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell a plain function of every change that this object sees; returns how to stop.

        It is called soon afterwards by the event loop, which is also told of its errors.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    async def execute(self, fn: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``fn`` and return what it returns, or raise what it raises, unchanged.

        Where the store of a shared circuit does not answer, the call is made all the same and
        counts for nothing: a breaker must not be what breaks.

        Raises:
            CircuitOpenError: The circuit is open, or a trial is under way; ``fn`` was not
                called.
        """
        permit = await self._permit()
        started = self._clock.monotonic()
        verdict = Verdict.NEUTRAL
        try:
            answer = fn(*args, **kwargs)
            result: T = await answer if inspect.isawaitable(answer) else answer
            verdict = Verdict.SUCCESS
        except Exception as error:
            verdict = self._judge(error)
            raise
        finally:
            if permit is not None:
                await self._report(permit, verdict, self._clock.monotonic() - started)
        return result

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()

    async def _permit(self) -> Permit | None:
        ticket = secrets.token_hex(8)
        try:
            asked = self._clock.monotonic()
            admission = await self._pipeline.send(Admit(self._name, self._settings, ticket))
        except asyncio.CancelledError:
            # It may have been given the trial: the ticket asks again, a report frees it.
            await self._give_back(ticket)
            raise
        except OmniCloudError as error:
            if not error.transient:
                raise
            return None
        self._learn(admission.reading, asked)
        if admission.permit is None:
            raise CircuitOpenError(
                f"the circuit {self._name!r} is {self.state.value}; the call was not made",
                hint=f"try again in {admission.reading.retry_after:.1f} s",
                retry_after=admission.reading.retry_after,
            )
        return admission.permit

    async def _give_back(self, ticket: str) -> None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_REPORT_SECONDS):
            try:
                admission = await self._pipeline.send(Admit(self._name, self._settings, ticket))
            except OmniCloudError:
                return
            if admission.permit is not None:
                await self._report(admission.permit, Verdict.NEUTRAL, 0.0)

    def _judge(self, error: Exception) -> Verdict:
        return Verdict.NEUTRAL if isinstance(error, self._excluded) else Verdict.FAILURE

    async def _report(self, permit: Permit, verdict: Verdict, took: float) -> None:
        """Report, also while being cancelled; a report that is lost is no error of the call."""
        op = Report(self._name, self._settings, permit, verdict, took)
        with anyio.CancelScope(shield=True), anyio.move_on_after(_REPORT_SECONDS):
            try:
                await self._asked(op)
            except OmniCloudError:
                return

    async def _asked(self, op: Look | Report | Reset) -> Reading:
        asked = self._clock.monotonic()
        return self._learn(await self._pipeline.send(op), asked)

    def _learn(self, reading: Reading, asked: float) -> Reading:
        # Of calls at once, an older answer may come in after a newer one.
        if reading.generation < self._reading.generation and asked < self._seen_at:
            return self._reading
        self._reading = reading
        self._seen_at = self._clock.monotonic()
        before, self._told = self._told, reading.state
        if before is not reading.state and self._listeners:
            event = CircuitEvent(self._name, before, reading.state)
            loop = asyncio.get_running_loop()
            for listener in self._listeners:
                loop.call_soon(listener, event)
        return reading


def _count(value: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgumentError(f"{what} must be an int of at least 1")
    return value


def _ratio(value: float | None, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise InvalidArgumentError(f"{what} must be a ratio above 0 and at most 1")
    return float(value)


def _errors(excluded: tuple[type[BaseException], ...]) -> tuple[type[BaseException], ...]:
    for kind in excluded:
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            raise InvalidArgumentError("excluded must be a tuple of exception classes")
    return tuple(excluded)
