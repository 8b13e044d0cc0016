"""Circuits that are joined, cut or known by a ticket alone, and trials that were given up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import read
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.core.circuit import Circuit, Permit, Verdict
from omnicloud.errors import UnavailableError
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.breaker import BreakerContract

_LONGEST = 1024


class _Folded(MemoryBreaker):
    """A service's name is made one that the store takes."""

    fold: Callable[[str], str]

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, type(self).fold(namespace))


for _id, _about, _fold in (
    ("01", "in lower case", str.lower),
    ("02", "with - for what is no letter", lambda text: re.sub(r"[^A-Za-z0-9]", "-", text)),
    ("03", "cut at 40 characters", lambda text: text[:40]),
):
    broken(f"BLIND14-BR-{_id}", "T4", f"a service's name is kept {_about}", BreakerContract)(
        type("Folded", (_Folded,), {"fold": staticmethod(_fold)})
    )


class _Beside(MemoryBreaker):
    """Part of a circuit is kept beside it, under another key."""

    parts: dict[str, object]

    def key(self, name: str) -> object:
        return f"{self._table[1]}-{name}"

    def _circuit(self, name: str) -> Circuit:
        held = super()._circuit(name)
        return replace(held, **self._kept().get(self.key(name), self.parts))

    def _keep(self, name: str, circuit: Circuit) -> None:
        kept = {part: getattr(circuit, part) for part in self.parts}
        if kept != self.parts or self.key(name) in self._kept():
            self._kept()[self.key(name)] = kept
        super()._keep(name, circuit)

    def _kept(self) -> dict[object, dict[str, object]]:
        return self._store.rows(("breaker", "beside"))


@broken("BLIND14-BR-04", "T4", "windows are kept by service-name, the rest apart", BreakerContract)
class WindowsJoined(_Beside):
    parts = {"window": ()}


@broken("BLIND14-BR-05", "T4", "trials are kept by service-name, the rest apart", BreakerContract)
class TrialsJoined(_Beside):
    parts = {"trial": "", "trial_until": 0.0}


@broken(
    "BLIND14-BR-06", "T4", "the row of failures is kept by name, of all services", BreakerContract
)
class FailuresOfAll(_Beside):
    parts = {"failures": 0}

    def key(self, name: str) -> object:
        return name


@broken(
    "BLIND14-BR-07", "T2", "a trial is known by its ticket, whichever circuit's", BreakerContract
)
class TrialsByTicket(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial:
            for name, held in self._rows().items():
                if name != op.circuit and held.trial == op.permit.trial:
                    op_there = replace(op, circuit=name, permit=Permit(held.generation, held.trial))
                    await super().report(op_there)
        return await super().report(op)


@broken(
    "BLIND14-BR-08", "T4", "a ticket is answered as before, whichever circuit's", BreakerContract
)
class TicketsRemembered(MemoryBreaker):
    """A question that is asked again is answered out of a table of tickets."""

    async def admit(self, op: Admit, /) -> Admission:
        known = self._store.rows(("breaker", "tickets"))
        answer = await super().admit(op)
        if op.ticket in known and answer.permit is None:
            return replace(answer, permit=known[op.ticket])
        if answer.permit is not None and answer.permit.trial:
            known[op.ticket] = answer.permit
        return answer


@broken("BLIND14-BR-09", "T2", "a cancelled trial is ended by whoever says so", BreakerContract)
class AnyoneCancels(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        if op.permit.trial and op.verdict is Verdict.NEUTRAL:
            op = replace(op, permit=Permit(held.generation, held.trial))
        return await super().report(op)


@broken("BLIND14-BR-10", "T2", "a permit of another circuit with a trial counts", BreakerContract)
class PermitsOfAny(MemoryBreaker):
    """A report is checked against the tickets that were given, of all circuits."""

    async def admit(self, op: Admit, /) -> Admission:
        answer = await super().admit(op)
        if answer.permit is not None and answer.permit.trial:
            self._given().setdefault(op.ticket, True)
        return answer

    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        if held.trial and op.permit.trial in self._given():
            op = replace(op, permit=Permit(op.permit.generation, held.trial))
        return await super().report(op)

    def _given(self) -> dict[str, bool]:
        return self._store.rows(("breaker", "given"))


class _Cut(MemoryBreaker):
    """A stored name is made fit for a column."""

    cut: Callable[[str], str]

    def _circuit(self, name: str) -> Circuit:
        return super()._circuit(type(self).cut(name))

    def _keep(self, name: str, circuit: Circuit) -> None:
        super()._keep(type(self).cut(name), circuit)


def _bytes(start: int | None, end: int | None) -> Callable[[str], str]:
    return lambda name: name.encode()[start:end].decode(errors="ignore")


for _id, _about, _cut in (
    ("11", "cut at 1,024 bytes, a tenant's beginning with it", _bytes(0, _LONGEST)),
    ("12", "its last 1,024 bytes, of a tenant or not", _bytes(-_LONGEST, None)),
    ("13", "cut at 1,280 bytes, short of the longest tenant", _bytes(0, 1280)),
    ("14", "cut at 255 characters where it has more than 1,200", _bytes(0, None)),
):
    if _id == "14":
        _cut = lambda name: name if len(name) < 1200 else name[:255]  # noqa: E731
    broken(f"BLIND14-BR-{_id}", "T4", f"a stored name is {_about}", BreakerContract)(
        type("Cut", (_Cut,), {"cut": staticmethod(_cut)})
    )


@broken("BLIND14-BR-15", "T2", "a trial that is given up opens the circuit anew", BreakerContract)
class GivenUpOpens(MemoryBreaker):
    def _circuit(self, name: str) -> Circuit:
        held = super()._circuit(name)
        if held.trial and held.trial_until <= self._now():
            return Circuit(held.generation + 1, opened_at=held.trial_until)
        return held


@broken("BLIND14-BR-16", "T2", "a cancelled trial makes the circuit wait anew", BreakerContract)
class CancelledWaits(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        reading = await super().report(op)
        if op.verdict is Verdict.NEUTRAL and held.trial and held.trial == op.permit.trial:
            after = self._circuit(op.circuit)
            if after.generation == held.generation and not after.trial:
                self._keep(op.circuit, replace(after, opened_at=self._now()))
                return read(self._circuit(op.circuit), op.settings, self._now())
        return reading


@broken(
    "BLIND14-BR-17", "T2", "a reset leaves the trial, which the next trial finds", BreakerContract
)
class ResetKeepsTrial(MemoryBreaker):
    """The trial is a key of its own with a time to live, which the reset does not delete."""

    async def reset(self, op: Reset, /) -> Reading:
        held = self._circuit(op.circuit)
        answer = await super().reset(op)
        self._left()[self._table[1], op.circuit] = (held.trial, held.trial_until)
        return answer

    async def admit(self, op: Admit, /) -> Admission:
        ticket, until = self._left().get((self._table[1], op.circuit), ("", 0.0))
        held = self._circuit(op.circuit)
        if held.opened_at is not None and ticket not in ("", op.ticket) and self._now() < until:
            await self._store.reading()
            return Admission(None, read(held, op.settings, self._now()))
        return await super().admit(op)

    def _left(self) -> dict[tuple[str, str], tuple[str, float]]:
        return self._store.rows(("breaker", "left"))


@broken("BLIND14-BR-18", "T2", "who gave up a trial may end it until another asks", BreakerContract)
class LateTrialOfNobody(MemoryBreaker):
    """A trial that was cancelled is still known by its ticket."""

    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        last = self._last()
        if held.opened_at is not None and not held.trial and op.permit.trial:
            if last.get((self._table[1], op.circuit)) == op.permit:
                self._keep(op.circuit, replace(held, trial=op.permit.trial))
        elif held.trial and op.verdict is Verdict.NEUTRAL:
            last[self._table[1], op.circuit] = op.permit
        return await super().report(op)

    def _last(self) -> dict[tuple[str, str], Permit]:
        return self._store.rows(("breaker", "last"))


@broken("BLIND14-BR-19", "T2", "a trial's end counts from its first question", BreakerContract)
class TrialFromTheFirst(MemoryBreaker):
    """Asked again with its ticket it is answered, but its time is not counted anew."""

    async def admit(self, op: Admit, /) -> Admission:
        held = self._circuit(op.circuit)
        answer = await super().admit(op)
        if held.trial == op.ticket and held.trial_until > self._now():
            after = replace(self._circuit(op.circuit), trial_until=held.trial_until)
            self._keep(op.circuit, after)
        return answer


class _Buffered(MemoryBreaker):
    """A client that notices when it lost the store."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._missed: list[Report] = []
        self._known: dict[str, Reading] = {}


@broken("BLIND14-BR-20", "T3", "a report that an outage met is sent afterwards", BreakerContract)
class ReportsLater(_Buffered):
    async def report(self, op: Report, /) -> Reading:
        try:
            return await super().report(op)
        except UnavailableError:
            self._missed.append(op)
            raise

    async def admit(self, op: Admit, /) -> Admission:
        while self._missed and not self._store.down:
            await super().report(self._missed.pop())
        return await super().admit(op)


@broken("BLIND14-BR-21", "T3", "in an outage what was last read is told", BreakerContract)
class ToldFromMemory(_Buffered):
    async def look(self, op: Look, /) -> Reading:
        try:
            self._known[op.circuit] = await super().look(op)
        except UnavailableError:
            if op.circuit not in self._known:
                raise
        return self._known[op.circuit]


@broken("BLIND14-BR-22", "T3", "a success that an outage met is told as counted", BreakerContract)
class SuccessUnsaid(_Buffered):
    async def report(self, op: Report, /) -> Reading:
        try:
            return await super().report(op)
        except UnavailableError:
            if op.verdict is Verdict.FAILURE or op.permit.trial:
                raise
            return read(self._circuit(op.circuit), op.settings, self._now())


@broken("BLIND14-BR-23", "T3", "after an outage a circuit is taken for a new one", BreakerContract)
class ForgetsInOutage(_Buffered):
    """What it cannot read it takes for closed, and writes that with the next report."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._blind: set[str] = set()

    async def admit(self, op: Admit, /) -> Admission:
        try:
            return await super().admit(op)
        except UnavailableError:
            self._blind.add(op.circuit)
            raise

    async def report(self, op: Report, /) -> Reading:
        if op.circuit in self._blind and not self._store.down:
            self._blind.discard(op.circuit)
            self._keep(op.circuit, replace(self._circuit(op.circuit), failures=0, window=()))
        return await super().report(op)


@broken(
    "BLIND14-BR-24", "T3", "a trial whose report an outage met is given up at once", BreakerContract
)
class TrialLostInOutage(_Buffered):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._gone: set[str] = set()

    async def report(self, op: Report, /) -> Reading:
        try:
            return await super().report(op)
        except UnavailableError:
            if op.permit.trial:
                self._gone.add(op.circuit)
            raise

    async def admit(self, op: Admit, /) -> Admission:
        if op.circuit in self._gone and not self._store.down:
            self._gone.discard(op.circuit)
            self._keep(op.circuit, replace(self._circuit(op.circuit), trial="", trial_until=0.0))
        return await super().admit(op)


@broken("BLIND14-BR-25", "T3", "a reset that an outage met is done afterwards", BreakerContract)
class ResetsLater(_Buffered):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._owed: list[Reset] = []

    async def reset(self, op: Reset, /) -> Reading:
        try:
            return await super().reset(op)
        except UnavailableError:
            self._owed.append(op)
            raise

    async def look(self, op: Look, /) -> Reading:
        while self._owed and not self._store.down:
            await super().reset(self._owed.pop())
        return await super().look(op)
