"""The engine: starts sagas, runs them under leases, resumes what a crash left behind."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Iterable
from typing import final

import anyio

from omnicloud.contracts.sagas.definition import ACTIVE, Saga, SagaReport, SagaStatus
from omnicloud.contracts.sagas.driver import Claim, Keep
from omnicloud.contracts.sagas.execution import Execution, new_state, report
from omnicloud.contracts.sagas.models import JSON, SagaState
from omnicloud.contracts.sagas.portable import SPACE, SagaStates, to_state
from omnicloud.core.arguments import between
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.draining import run_draining
from omnicloud.core.durations import Seconds, positive, seconds
from omnicloud.core.names import check_name
from omnicloud.errors import (
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    LockLostError,
    NotFoundError,
    OmniCloudError,
    SagaFailedError,
    SagaStateConflictError,
)

__all__ = ["SagaEngine"]

_RELEASE_SECONDS = 2.0
_MOST_EXCLUDED = 1000


@final
class SagaEngine:
    """Runs sagas so that each ends completed or compensated, whatever crashes in between.

    A run's state is stored before and after each step. When the process dies, whoever calls
    :meth:`resume_pending` (or :meth:`run_until_complete`) goes on once the lease has ended: a
    step that had begun runs again with the same ``idempotency_key``. Two workers never run one
    saga at once; should a lease be lost, the version of the state keeps the loser from writing.

    A saga whose compensation fails after its retries is ``STUCK``: it stays as it is until
    :meth:`retry`.

    Args:
        states: Where runs are stored. Use it for nothing else.
        sagas: The definitions that this process knows; runs of others are left to others.
        lease: Seconds after which the runs of a dead worker are resumed.
        concurrency: How many runs :meth:`resume_pending` has in hand at once.
        poll: Seconds between two looks for runs to resume.
        grace: Seconds that runs get to come to their end when :meth:`resume_pending` is
            cancelled; the others are left as they are and can be resumed at once.
    """

    def __init__(
        self,
        states: SagaStates,
        sagas: Iterable[Saga],
        *,
        lease: Seconds = 30.0,
        concurrency: int = 16,
        poll: Seconds = 0.5,
        grace: Seconds = 5.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not isinstance(states, SagaStates):
            raise InvalidArgumentError(
                f"states must be SagaStates, not {type(states).__name__}",
                hint='cloud.sagas("orders")',
            )
        self._sagas = _by_name(sagas)
        self._states = states
        self._pipeline = states.pipeline
        self._lease = positive(lease, "lease")
        self._concurrency = between(concurrency, 1, sys.maxsize, "concurrency")
        self._poll = positive(poll, "poll")
        self._grace = seconds(grace, "grace")
        self._clock = clock
        self._foreign: dict[str, None] = {}

    async def start(self, name: str, payload: JSON, *, saga_id: str | None = None) -> str:
        """Store a new run and return its id; a worker or :meth:`run_until_complete` runs it.

        Raises:
            SagaStateConflictError: There is a run of that ``saga_id``; nothing was started.
            InvalidArgumentError: The saga is unknown, or the payload no JSON.
        """
        saga = self._sagas.get(name)
        if saga is None:
            known = ", ".join(sorted(self._sagas)) or "none"
            raise InvalidArgumentError(f"there is no saga {name!r}", hint=f"known: {known}")
        new_id = uuid.uuid4().hex if saga_id is None else check_name(saga_id, "saga_id")
        await self._states.create_state(new_state(saga, new_id, payload))
        return new_id

    async def execute(self, name: str, payload: JSON, *, saga_id: str | None = None) -> SagaReport:
        """Start a run, bring it to its end and return it completed.

        Raises:
            SagaFailedError: It was compensated, or is stuck.
        """
        found = await self.run_until_complete(await self.start(name, payload, saga_id=saga_id))
        if found.status is not SagaStatus.COMPLETED:
            raise SagaFailedError(
                f"saga {name} is {found.status.value}: {found.reason}",
                hint=f"inspect({found.saga_id!r}) tells its history",
            )
        return found

    async def run_until_complete(self, saga_id: str, *, wait: Seconds = 600.0) -> SagaReport:
        """Run a saga here, or wait for the worker that does, until it has ended or is stuck.

        Raises:
            NotFoundError: There is no such run.
            DeadlineExceededError: It had not ended after ``wait`` seconds; it goes on.
        """
        until = self._clock.monotonic() + positive(wait, "wait")
        while True:
            await self._resume(saga_id, 1)
            found = await self.inspect(saga_id)
            if found is None:
                raise NotFoundError("there is no run of that id")
            if found.status.value not in ACTIVE:
                return found
            if self._clock.monotonic() >= until:
                raise DeadlineExceededError(f"the saga is still {found.status.value}")
            await self._clock.sleep(self._poll)

    async def inspect(self, saga_id: str) -> SagaReport | None:
        """A run as it stands, or ``None``."""
        state = await self._states.get_state(saga_id)
        return None if state is None else report(state)

    async def retry(self, saga_id: str) -> None:
        """Let a stuck saga go on compensating; a worker or :meth:`run_until_complete` does it.

        Raises:
            NotFoundError: There is no such run.
            ConflictError: It is not stuck.
        """
        state = await self._states.get_state(saga_id)
        if state is None:
            raise NotFoundError("there is no run of that id")
        if state.status != SagaStatus.STUCK:
            raise ConflictError(f"the saga is {state.status}, not stuck")
        await self._states.update_state(state._replace(status=SagaStatus.COMPENSATING.value))

    async def resume_once(self) -> int:
        """Run what waits to be run, once, to its end; how many runs that were."""
        total = 0
        while count := await self._resume(None, self._concurrency):
            total += count
        return total

    async def resume_pending(self) -> None:
        """Run what waits to be run until cancelled: new runs, and those of dead workers.

        Raises:
            ClosedError: The service was closed before.
        """
        self._pipeline.check_open()
        stop = asyncio.Event()
        await run_draining(self._work(stop), stop.set, self._grace)

    async def _work(self, stop: asyncio.Event) -> None:
        slots = asyncio.Semaphore(self._concurrency)
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set() and not self._pipeline.closed:
                claimed = await self._claim_for(slots)
                for state, owner in claimed:
                    tasks.create_task(self._quietly(state, owner, slots))
                if not claimed:
                    await self._pause(stop)

    async def _pause(self, stop: asyncio.Event) -> None:
        alarm = asyncio.create_task(self._clock.sleep(self._poll))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((alarm, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
            stopped.cancel()

    async def _claim_for(self, slots: asyncio.Semaphore) -> list[tuple[SagaState, str]]:
        await slots.acquire()
        try:
            claimed = await self._claim(None, 1)
        except OmniCloudError:
            claimed = []  # the next look tries again
        if not claimed:
            slots.release()
        return claimed

    async def _quietly(self, state: SagaState, owner: str, slots: asyncio.Semaphore) -> None:
        try:
            await self._run(state, owner)
        except OmniCloudError:
            # The store failed or another worker has it; its state says where to go on.
            await self._clock.sleep(self._poll)
        finally:
            slots.release()

    async def _resume(self, saga_id: str | None, most: int) -> int:
        claimed = await self._claim(saga_id, most)
        failed: list[OmniCloudError] = []
        async with asyncio.TaskGroup() as tasks:
            for state, owner in claimed:
                tasks.create_task(self._unless_lost(state, owner, failed))
        if failed:
            raise failed[0]
        return len(claimed)

    async def _unless_lost(
        self, state: SagaState, owner: str, failed: list[OmniCloudError]
    ) -> None:
        try:
            await self._run(state, owner)
        except (LockLostError, SagaStateConflictError):
            return  # another worker has it
        except OmniCloudError as error:
            failed.append(error)

    async def _claim(self, saga_id: str | None, most: int) -> list[tuple[SagaState, str]]:
        owner = uuid.uuid4().hex
        claimed: list[tuple[SagaState, str]] = []
        for _ in range(_MOST_EXCLUDED):
            excluded = tuple(self._foreign) if saga_id is None else ()
            op = Claim(SPACE, ACTIVE, owner, self._lease, most, saga_id, excluded)
            records = await self._pipeline.send(op)
            for state in map(to_state, records):
                if state.payload.get("saga") in self._sagas:
                    claimed.append((state, owner))
                else:
                    await self._pass_over(state.saga_id, owner)
            if claimed or not records or saga_id is not None:
                break
        return claimed

    async def _pass_over(self, saga_id: str, owner: str) -> None:
        """Leave a run of a saga that this process does not know to one that does."""
        self._foreign[saga_id] = None
        if len(self._foreign) > _MOST_EXCLUDED:
            del self._foreign[next(iter(self._foreign))]
        await self._pipeline.send(Keep(SPACE, saga_id, owner, 0.0))

    async def _run(self, state: SagaState, owner: str) -> None:
        saga = self._sagas[str(state.payload["saga"])]
        execution = Execution(self._pipeline, saga, state, self._clock)
        work = asyncio.create_task(execution.run())
        keeper = asyncio.create_task(self._keep(state.saga_id, owner))
        try:
            await asyncio.wait((work, keeper), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise LockLostError("the lease of the saga ended while it was run")
            work.result()
        finally:
            work.cancel()
            keeper.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait((work, keeper))
                await self._release(state.saga_id, owner)

    async def _keep(self, saga_id: str, owner: str) -> None:
        """Renew the lease; comes to an end when it is lost."""
        good_until = self._clock.monotonic() + self._lease
        while True:
            await self._clock.sleep(self._lease / 3)
            asked = self._clock.monotonic()
            try:
                if not await self._pipeline.send(Keep(SPACE, saga_id, owner, self._lease)):
                    return
            except OmniCloudError:
                if self._clock.monotonic() >= good_until:
                    return
            else:
                good_until = asked + self._lease

    async def _release(self, saga_id: str, owner: str) -> None:
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._pipeline.send(Keep(SPACE, saga_id, owner, 0.0))
        except (OmniCloudError, TimeoutError):
            return  # the lease ends by itself


def _by_name(given: Iterable[Saga]) -> dict[str, Saga]:
    known = tuple(given) if isinstance(given, Iterable) else ()
    by_name = {saga.name: saga for saga in known if isinstance(saga, Saga)}
    if not isinstance(given, Iterable) or len(by_name) != len(known):
        raise InvalidArgumentError("sagas must be a list of Saga, of unlike names")
    return by_name
