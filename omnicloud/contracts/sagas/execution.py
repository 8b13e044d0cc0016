"""One run of one saga: what is done is stored before and after each step."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import cast

from omnicloud.contracts.sagas.definition import (
    ACTIVE,
    Action,
    Saga,
    SagaReport,
    SagaStatus,
    Step,
    StepContext,
    StepStatus,
    next_step,
)
from omnicloud.contracts.sagas.driver import Get, SagaDriver, Update
from omnicloud.contracts.sagas.models import JSON, SagaState, SagaStepHistory
from omnicloud.contracts.sagas.portable import SPACE, check_payload, to_record
from omnicloud.core.arguments import awaited
from omnicloud.core.backoff import Backoff
from omnicloud.core.clock import Clock
from omnicloud.core.failures import tell_failure
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    CircuitOpenError,
    CorruptedError,
    OmniCloudError,
    Outcome,
    SagaStateConflictError,
    ThrottledError,
)

__all__ = ["Execution", "new_state", "report", "was_refused"]

_STORE_AGAIN = Backoff(first=0.05, most=2.0, jitter=0.2)
_STORE_TRIES = 6
_REFUSED_AGAIN = Backoff(first=0.1, most=2.0, jitter=0.5)
"""At most two seconds: a saga goes on soon after the trouble is over."""


class Execution:
    """Takes a leased saga from where it is to its end.

    Raises what the store raises; the saga can then be resumed where it was.
    """

    def __init__(
        self, pipeline: Pipeline[SagaDriver], saga: Saga, state: SagaState, clock: Clock
    ) -> None:
        self._pipeline = pipeline
        self._saga = saga
        self._clock = clock
        self.state = state

    async def run(self) -> None:
        """Run or undo step after step until the saga has ended or is stuck."""
        while self.state.status in ACTIVE:
            one = next_step(self._saga, self.state.status, self.state.history)
            running = self.state.status == SagaStatus.RUNNING
            if one is None:
                end = SagaStatus.COMPLETED if running else SagaStatus.COMPENSATED
                await self._save(status=end, current_step=None)
            elif running:
                await self._do(one)
            else:
                await self._undo(one)

    async def _do(self, one: Step) -> None:
        if SagaStepHistory(one.name, StepStatus.STARTED) not in self.state.history:
            await self._save(one, StepStatus.STARTED, current_step=one.name)
        key = f"{self.state.saga_id}/{one.name}"
        data, error = await self._attempt(one, one.action, key, key)
        if error is None:
            await self._save(one, StepStatus.DONE, data=data)
        else:
            reason = f"step {one.name} raised {type(error).__name__}"
            status = SagaStatus.COMPENSATING
            await self._save(one, StepStatus.FAILED, status=status, reason=reason)

    async def _undo(self, one: Step) -> None:
        if self.state.current_step != one.name:
            await self._save(current_step=one.name)
        if one.compensation is None:
            await self._save(one, StepStatus.COMPENSATED)
            return
        action_key = f"{self.state.saga_id}/{one.name}"
        key = f"{action_key}/compensation"
        data, error = await self._attempt(one, one.compensation, key, action_key)
        if error is None:
            await self._save(one, StepStatus.COMPENSATED, data=data)
        else:
            reason = f"the compensation of step {one.name} raised {type(error).__name__}"
            entry = StepStatus.COMPENSATION_FAILED
            await self._save(one, entry, status=SagaStatus.STUCK, reason=reason)

    async def _attempt(
        self, one: Step, function: Action, key: str, action_key: str
    ) -> tuple[JSON, Exception | None]:
        attempt, refusals = 1, 0
        while True:
            data = copy.deepcopy(_data(self.state))
            context = StepContext(self.state.saga_id, one.name, key, action_key, attempt, data)
            error = await _tried(function, context, one.timeout)
            if error is None or (function is one.action and isinstance(error, one.give_up_on)):
                return context.payload, error
            if was_refused(error):
                refusals += 1
                pause = _refused_pause(error, refusals)
            elif attempt > one.retries:
                return data, error
            else:
                pause = one.backoff.after(attempt)
                attempt, refusals = attempt + 1, 0
            await self._clock.sleep(pause)

    async def _save(
        self,
        one: Step | None = None,
        entry: StepStatus | None = None,
        *,
        status: SagaStatus | None = None,
        current_step: str | None = "",
        data: JSON | None = None,
        reason: str | None = None,
    ) -> None:
        state = self.state
        payload = dict(state.payload)
        if data is not None:
            payload["data"] = data
        if reason is not None:
            payload["reason"] = reason
        changed = state._replace(
            status=state.status if status is None else status.value,
            current_step=state.current_step if current_step == "" else current_step,
            history=_longer(state.history, one, entry),
            payload=payload,
        )
        self.state = changed._replace(version=await self._stored(changed))

    async def _stored(self, state: SagaState) -> int:
        """Store a state; where the answer is lost, look whether it was stored."""
        record = to_record(state)
        failures, refusals = 0, 0
        while True:
            try:
                return await self._pipeline.send(Update(SPACE, record))
            except OmniCloudError as error:
                if was_refused(error):
                    refusals += 1
                    await self._clock.sleep(_refused_pause(error, refusals))
                    continue  # until the lease ends, at the longest
                failures += 1
                if not error.transient or failures >= _STORE_TRIES:
                    raise
            await self._clock.sleep(_STORE_AGAIN.after(failures))
            if await self._is_there(state):
                return state.version + 1

    async def _is_there(self, state: SagaState) -> bool:
        try:
            found = await self._pipeline.send(Get(SPACE, state.saga_id))
        except OmniCloudError as error:
            if error.transient:
                return False
            raise
        if found is None or found.version not in (state.version, state.version + 1):
            raise SagaStateConflictError("another worker went on with the saga")
        return found == to_record(state._replace(version=state.version + 1))


def was_refused(error: Exception) -> bool:
    """Whether the service was away or busy and did nothing: to be waited out, no attempt."""
    if not isinstance(error, OmniCloudError) or error.outcome is not Outcome.NOT_DONE:
        return False
    return error.transient or isinstance(error, CircuitOpenError)


def _refused_pause(error: Exception, refusals: int) -> float:
    """Seconds to wait; what a service that throttles asks for is kept to, up to a minute."""
    asked = error.retry_after if isinstance(error, ThrottledError) else None
    return max(_REFUSED_AGAIN.after(refusals), min(asked or 0.0, 60.0))


async def _tried(function: Action, context: StepContext, timeout: float | None) -> Exception | None:
    """Run it once; the error it ended in."""
    try:
        async with asyncio.timeout(timeout):
            answer = function(context)
            awaited(answer, f"the function of step {context.step}")
            await answer
        check_payload(context.payload)
    except Exception as error:  # noqa: BLE001 - a step's error is an outcome
        tell_failure(f"step {context.step} of a saga", error, f"attempt {context.attempt}")
        return error
    return None


def new_state(saga: Saga, saga_id: str, payload: JSON) -> SagaState:
    """A run that has not begun."""
    check_payload(payload)
    return SagaState(
        saga_id, SagaStatus.RUNNING.value, None, [], {"saga": saga.name, "data": payload}, 0
    )


def report(state: SagaState) -> SagaReport:
    """A stored run as users see it.

    Raises:
        CorruptedError: It was not stored by the engine.
    """
    name, reason = state.payload.get("saga"), state.payload.get("reason")
    statuses = {one.value for one in SagaStatus}
    if not isinstance(name, str) or state.status not in statuses:
        raise CorruptedError(
            "the stored state is not one of the saga engine's",
            hint="keep the engine's sagas and your own states in two services",
        )
    return SagaReport(
        state.saga_id,
        name,
        SagaStatus(state.status),
        None if state.current_step is None else str(state.current_step),
        tuple(state.history),
        _data(state),
        None if reason is None else str(reason),
        state.version,
    )


def _data(state: SagaState) -> JSON:
    data = state.payload.get("data")
    return cast("JSON", data) if isinstance(data, dict) else {}


def _longer(
    history: Sequence[SagaStepHistory], one: Step | None, entry: StepStatus | None
) -> Sequence[SagaStepHistory]:
    if one is None or entry is None:
        return history
    return [*history, SagaStepHistory(one.name, entry.value)]
