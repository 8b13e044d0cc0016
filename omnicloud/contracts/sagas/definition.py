"""Sagas as Python: steps with their compensations, and what is to be done next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from omnicloud.contracts.sagas.models import JSON, SagaStepHistory
from omnicloud.core.arguments import check_function
from omnicloud.core.backoff import Backoff, as_backoff
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.names import check_name
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "ACTIVE",
    "Action",
    "Saga",
    "SagaReport",
    "SagaStatus",
    "Step",
    "StepContext",
    "StepStatus",
    "next_step",
    "step",
]


class SagaStatus(StrEnum):
    """Where a saga stands."""

    RUNNING = "RUNNING"
    COMPENSATING = "COMPENSATING"
    COMPLETED = "COMPLETED"
    COMPENSATED = "COMPENSATED"
    STUCK = "STUCK"
    """A compensation failed after its retries; ``retry`` goes on where it stopped."""


ACTIVE = (SagaStatus.RUNNING.value, SagaStatus.COMPENSATING.value)


class StepStatus(StrEnum):
    """What happened to a step, as the history tells it."""

    STARTED = "STARTED"
    DONE = "DONE"
    FAILED = "FAILED"
    COMPENSATED = "COMPENSATED"
    COMPENSATION_FAILED = "COMPENSATION_FAILED"


@dataclass(slots=True)
class StepContext:
    """What an action or a compensation is given.

    Attributes:
        payload: The saga's data. Changes are stored when the function returns, and forgotten
            when it raises.
        idempotency_key: The same each time this function runs for this saga: give it to the
            service that is called, so that a second run has no second effect.
        action_key: The ``idempotency_key`` that the step's action had; in a compensation it
            says what to undo.
        attempt: 1 at first; starts again when the saga is resumed by another process.
    """

    saga_id: str
    step: str
    idempotency_key: str
    action_key: str
    attempt: int
    payload: JSON = field(repr=False)


Action = Callable[[StepContext], Awaitable[object]]
"""A plain async function; what it returns is not kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a saga; made by :func:`step`. ``timeout`` in seconds."""

    name: str
    action: Action
    compensation: Action | None
    retries: int
    timeout: float | None
    backoff: Backoff
    give_up_on: tuple[type[Exception], ...]


def step(
    action: Action,
    compensation: Action | None = None,
    *,
    name: str | None = None,
    retries: int = 3,
    timeout: Seconds | None = 30.0,
    backoff: Backoff | Seconds = Backoff(most=5.0),  # noqa: B008 - frozen
    give_up_on: tuple[type[Exception], ...] = (),
) -> Step:
    """Declare a step.

    Args:
        action: Does it. It may run more than once with the same ``idempotency_key``.
        compensation: Undoes it. It also runs for a step whose action failed or was cut off,
            because that may have had its effect; it must not mind if there was none.
        name: The function's name by default.
        retries: How often action and compensation are tried again after they raised. An error
            that says that the service did nothing, for it was away or busy (an open circuit,
            say), is waited out and not counted.
        timeout: Seconds of one attempt; ``None`` is without end.
        backoff: Wait between attempts: a :class:`Backoff`, or seconds each time; up to 5 s by
            default.
        give_up_on: Errors of the action that trying again cannot mend, or shall not.

    Raises:
        InvalidArgumentError: A bound is broken.
    """
    check_function(action, "action", "async def reserve(context): ...")
    if compensation is not None:
        check_function(compensation, "compensation", "async def free(context): ...")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise InvalidArgumentError(f"retries is {retries!r}, it must be an int of at least 0")
    return Step(
        check_name(name or str(getattr(action, "__name__", "")), "step name"),
        action,
        compensation,
        retries,
        None if timeout is None else positive(timeout, "timeout"),
        as_backoff(backoff),
        _error_types(give_up_on),
    )


def _error_types(given: object) -> tuple[type[Exception], ...]:
    kinds = given if isinstance(given, tuple) else (given,)
    if all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds):
        return kinds
    raise InvalidArgumentError(
        "give_up_on must be a tuple of types of errors", hint="give_up_on=(ValueError,)"
    )


class Saga:
    """Steps that all happen in the end, or are all undone, in reverse order.

    Args:
        name: Stored with each run: a process that resumes one finds its steps by it.
        steps: Their names must be unlike, and stay as long as runs are stored.
    """

    def __init__(self, name: str, steps: Sequence[Step]) -> None:
        self.name = check_name(name, "saga name")
        self.steps = _steps(steps)
        names = [one.name for one in self.steps]
        if not names or len(set(names)) != len(names):
            raise InvalidArgumentError(
                f"saga {name} needs at least one step, and steps of unlike names",
                hint="give step(…, name=…)",
            )


def _steps(given: Sequence[Step]) -> tuple[Step, ...]:
    steps = tuple(given) if isinstance(given, Iterable) else ()
    wrong = next((one for one in steps if not isinstance(one, Step)), None)
    if wrong is not None or not isinstance(given, Iterable):
        kind = type(given if wrong is None else wrong).__name__
        raise InvalidArgumentError(
            f"steps must be a list of steps; there is a {kind}",
            hint="Saga(name, [step(reserve, free), …])",
        )
    return steps


@dataclass(frozen=True, slots=True)
class SagaReport:
    """A run of a saga, looked at. ``reason`` says, without payload, why it did not complete."""

    saga_id: str
    name: str
    status: SagaStatus
    current_step: str | None
    history: tuple[SagaStepHistory, ...]
    payload: JSON = field(repr=False)
    reason: str | None
    version: int


def next_step(saga: Saga, status: str, history: Sequence[SagaStepHistory]) -> Step | None:
    """The step to run or, when compensating, to undo; ``None`` when all is done."""
    if status == SagaStatus.RUNNING:
        return _first_not(saga.steps, _names(history, StepStatus.DONE))
    begun = _names(history, StepStatus.STARTED)
    undone = _names(history, StepStatus.COMPENSATED)
    behind = [one for one in reversed(saga.steps) if one.name in begun]
    return _first_not(behind, undone)


def _names(history: Sequence[SagaStepHistory], status: StepStatus) -> set[str]:
    return {entry.step_name for entry in history if entry.status == status}


def _first_not(steps: Sequence[Step], over: set[str]) -> Step | None:
    return next((one for one in steps if one.name not in over), None)
