"""Makes a failing program small: fewer clients, fewer steps, simpler steps.

Steps are left out in halves, quarters and so on down to single ones, as in Zeller & Hildebrandt,
"Simplifying and isolating failure-inducing input" (IEEE Trans. Softw. Eng. 28, 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

from omnicloud_tck.histories.programs import Program, Step
from omnicloud_tck.histories.subjects import Finding

__all__ = ["Shrinking"]

_WAITS = (1, 2, 3, 4, 6, 8)  # turns of the loop that a call may have taken
_FEW_STEPS = 20  # of more, two are not left out at a time: there are too many pairs

Replay = Callable[[Program], Finding | None]


class Shrinking:
    """The smallest program found so far that still fails, and what its history showed.

    Args:
        replay: Plays a program once more; what is wrong with its history, if anything.
        go_on: Asked before each replay.
    """

    def __init__(
        self, program: Program, finding: Finding, replay: Replay, go_on: Callable[[], bool]
    ) -> None:
        self.program = program
        self.finding = finding
        self.tries = 0
        self._replay = replay
        self._go_on = go_on

    def run(self) -> None:
        """Try smaller and smaller programs until none fails, or there is no time."""
        while self._smaller() or self._keep_first(_without_two):
            if not self._go_on():
                return

    def _smaller(self) -> bool:
        return any([self._keep_first(_calmer), self._fewer_steps(), self._keep_first(_simpler)])

    def _try(self, program: Program) -> bool:
        if not self._go_on():
            return False
        self.tries += 1
        finding = self._replay(program)
        if finding is None:
            return False
        self.program, self.finding = program, finding
        return True

    def _keep_first(self, changes: Callable[[Program], Iterator[Program]]) -> bool:
        """Make each change that keeps it failing."""
        better = False
        while any(self._try(changed) for changed in changes(self.program)):
            better = True
        return better

    def _fewer_steps(self) -> bool:
        before = self.program.size
        chunk = max(1, before // 2)
        while True:
            self._without_chunks(chunk)
            if chunk == 1:
                return self.program.size < before
            chunk //= 2

    def _without_chunks(self, chunk: int) -> None:
        start = 0
        while start < self.program.size:
            gone = self.program.places()[start : start + chunk]
            if self._try(self.program.without(frozenset(gone))):
                continue
            if chunk > 1 or not any(map(self._try, _slower(self.program, *gone[0]))):
                start += chunk


def _calmer(program: Program) -> Iterator[Program]:
    """Without trouble, without a client."""
    if program.outage is not None:
        yield replace(program, outage=None)
    if program.shared:
        yield replace(program, shared=False)
    if program.restart is not None:
        yield replace(program, restart=None)
    for client, lane in enumerate(program.lanes):
        if lane:
            yield program.without(frozenset((client, place) for place in range(len(lane))))


def _without_two(program: Program) -> Iterator[Program]:
    """Without two steps that are needed only together: a message and its settlement, say."""
    if program.size <= _FEW_STEPS:
        for two in combinations(program.places(), 2):
            yield program.without(frozenset(two))


def _slower(program: Program, client: int, place: int) -> Iterator[Program]:
    """Without one step, whose time the next of its client waits instead."""
    lane = program.lanes[client]
    if place + 1 == len(lane):
        return
    for turns in _WAITS:
        later = replace(lane[place + 1], turns=lane[place + 1].turns + turns)
        slower = program.with_step(client, place + 1, later)
        yield slower.without(frozenset({(client, place)}))


def _simpler(program: Program) -> Iterator[Program]:
    """With one step that is not cancelled, or does not wait."""
    for client, place in program.places():
        step = program.lanes[client][place]
        for easier in _easier(step):
            yield program.with_step(client, place, easier)


def _easier(step: Step) -> Iterator[Step]:
    if step.cancel is not None:
        yield replace(step, cancel=None)
        yield from (replace(step, cancel=sooner) for sooner in range(1, step.cancel))
    if step.seconds:
        yield replace(step, seconds=0.0)
    if step.turns:
        yield replace(step, turns=0)
