"""Calls with which the laws of the breaker contract try a circuit."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.breaker import CircuitState
from omnicloud.errors import CircuitOpenError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = [
    "BreakerLaws",
    "DependencyError",
    "Held",
    "OtherError",
    "Probe",
    "closes",
    "fail",
    "open_circuit",
    "rejects",
    "state_of",
    "stays_apart",
]


class DependencyError(Exception):
    """What the dependency of the laws raises."""


class OtherError(Exception):
    """An error of another class."""


class BreakerLaws(Contract):
    """How one more client of a circuit is made; each part of the laws inherits it."""

    async def portable(
        self,
        world: World[Any],
        failure_threshold: int = 2,
        reset_timeout: float = 300.0,
        **more: Any,
    ) -> Any:
        """One more client of the circuit ``name``, of the settings of ``Breaker``."""
        raise TypeError(f"{type(self).__name__} does not say how it is opened")


class Probe:
    """A call that succeeds and counts itself."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        await asyncio.sleep(0)
        return "done"


class Held:
    """A call that is under way until it is let go."""

    def __init__(self, breaker: Any) -> None:
        self._go = asyncio.Event()
        self._error: Exception | None = None
        self._begun = asyncio.Event()
        self._task: asyncio.Future[Any] = asyncio.ensure_future(breaker.execute(self._call))
        self._task.add_done_callback(_looked_at)

    async def _call(self) -> None:
        self._begun.set()
        await self._go.wait()
        if self._error is not None:
            raise self._error

    async def started(self) -> None:
        """Wait until it is under way; break the law if it is refused."""
        begun = asyncio.ensure_future(self._begun.wait())
        await asyncio.wait((begun, self._task), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        that(self._begun.is_set(), "a call was refused while the circuit lets calls pass")

    async def succeed(self) -> None:
        """End it well."""
        await self._end(None)

    async def fail(self) -> None:
        """End it with an error of the dependency."""
        await self._end(DependencyError("late"))

    async def _end(self, error: Exception | None) -> None:
        self._error = error
        self._go.set()
        await asyncio.wait((self._task,))
        cancelled = self._task.cancelled()
        that(not cancelled and self._task.exception() is error, "a call did not end as it ended")


def _looked_at(task: asyncio.Future[Any]) -> None:
    """Take its error, so that the loop does not complain when a law breaks before its end."""
    if not task.cancelled():
        task.exception()


async def fail(breaker: Any, times: int = 1, kind: type[Exception] = DependencyError) -> None:
    """Make calls that fail, one after another; each must be made."""
    for _ in range(times):
        error = kind("failed")

        async def call(error: Exception = error) -> None:
            await asyncio.sleep(0)
            raise error

        with refused(kind, "a call that fails while the circuit lets calls pass"):
            await breaker.execute(call)


async def open_circuit(breaker: Any, threshold: int = 2) -> Any:
    """Open a circuit of that threshold."""
    await fail(breaker, threshold)
    equal(CircuitState.OPEN, breaker.state, f"after {threshold} failures in a row")
    return breaker


async def state_of(breaker: Any) -> CircuitState:
    """The state of a circuit that one client uses: what it knows and what the store says."""
    known: CircuitState = breaker.state
    read = getattr(breaker, "read", None)
    if read is not None:
        told = (await read()).state
        flipped = (CircuitState.OPEN, CircuitState.HALF_OPEN)
        same = told is known or (known, told) == flipped
        that(same, f"the client knows it as {known}, the store says {told}")
    return known


async def rejects(breaker: Any, about: str) -> None:
    """Break the law unless a call is refused and not made."""
    probe = Probe()
    with refused(CircuitOpenError, about):
        await breaker.execute(probe)
    equal(0, probe.calls, f"{about}: calls made")


async def closes(breaker: Any, about: str) -> None:
    """Break the law unless a trial passes and closes the circuit."""
    probe = Probe()
    try:
        answer = await breaker.execute(probe)
    except CircuitOpenError:
        that(False, f"{about}: the trial was refused")
    else:
        equal("done", answer, f"{about}: the trial's answer")
    equal(CircuitState.CLOSED, breaker.state, f"{about}: after a trial that succeeded")


async def stays_apart(breaker: Any, name: str) -> None:
    """Break the law unless this circuit knows of no failure."""
    probe = Probe()
    try:
        await breaker.execute(probe)
    except CircuitOpenError:
        that(False, f"{name[:40]!r} is open because another circuit is")
    equal(CircuitState.CLOSED, await state_of(breaker), f"{name[:40]!r}, which never failed")
