"""breaker drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit, CircuitState, Permit, Verdict
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud_tck.breaker import BreakerContract


def breaker(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, BreakerContract)


@breaker("CB02", "T0", "a circuit that opened never closes")
class NeverCloses(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        closed = self._circuit(op.circuit).opened_at is None
        return answer if closed else replace(answer, permit=None)


@breaker("CB03", "T0", "an open circuit lets calls pass")
class LetsPass(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        held = self._circuit(op.circuit)
        return replace(answer, permit=answer.permit or Permit(held.generation))


@breaker("CB07", "T1", "a trial that succeeds leaves the circuit half open")
class TrialLeaves(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial and op.verdict is Verdict.SUCCESS:
            op = replace(op, verdict=Verdict.NEUTRAL)
        return await super().report(op)


@breaker("CB08", "T1", "a trial that fails does not start the waiting time anew")
class OldWait(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial and op.verdict is Verdict.FAILURE:
            await self._store.reading()
            held = self._circuit(op.circuit)
            if held.generation == op.permit.generation and held.trial == op.permit.trial:
                again = Circuit(held.generation + 1, opened_at=held.opened_at)
                self._keep(op.circuit, again)
                return await self.look(Look(op.circuit, op.settings))
        return await super().report(op)


@breaker("CB11", "T2", "a late success of a call from before the trip closes the circuit")
class LateSuccess(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        answer = await super().report(op)
        late = op.permit.generation < self._circuit(op.circuit).generation
        if late and op.verdict is Verdict.SUCCESS and answer.state is not CircuitState.CLOSED:
            self._keep(op.circuit, Circuit(self._circuit(op.circuit).generation + 1))
        return answer


@breaker("XBR02", "T2", "each client has circuits of its own, though 'shared' is declared")
class OwnCircuits(MemoryBreaker):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._mine: dict[str, Circuit] = {}

    def _circuit(self, name: str) -> Circuit:
        return self._mine.get(name, CLOSED_CIRCUIT)

    def _keep(self, name: str, circuit: Circuit) -> None:
        self._mine[name] = circuit


@breaker("XBR03", "T3", "the waiting time of an open circuit is read from the wall clock")
class WallClock(MemoryBreaker):
    def _now(self) -> float:
        return self._store.clock.wall()


@breaker("XBR05", "T4", "tenants that differ in case only share their circuits")
class FoldsTenants(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        return super()._circuit(name.casefold() if name.startswith("~") else name)

    def _keep(self, name: str, circuit: Circuit) -> None:
        super()._keep(name.casefold() if name.startswith("~") else name, circuit)
