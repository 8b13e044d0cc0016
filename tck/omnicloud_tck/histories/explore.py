"""Tries a law of histories: draws programs, plays them, shrinks the first that fails."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from omnicloud_tck.check import Broken
from omnicloud_tck.histories.play import played
from omnicloud_tck.histories.programs import Manner, Program, drawn_program
from omnicloud_tck.histories.show import shown
from omnicloud_tck.histories.shrink import Shrinking
from omnicloud_tck.histories.subjects import Finding, Subject
from omnicloud_tck.law import Ability
from omnicloud_tck.machine import Lab
from omnicloud_tck.world import World

__all__ = ["NoOrder", "explore"]

ENOUGH_SECONDS = 6.0
"""No program is begun after so many real seconds, but that :data:`LEAST` are played."""

OF_EXAMPLES = 40
"""Where time is real, fewer examples have a share of these seconds."""

LEAST = 4
PROGRAMS = 4
"""Programs for each example of a law that draws single cases."""
SHRINK_SECONDS = 10.0
SHRINK_TRIES = 800
REPEATS = 3
"""How often a program is played again before it is believed not to fail, where time is real."""


class NoOrder(Broken):
    """A history that cannot be explained; says which, with its smallest program.

    Attributes:
        operations: How many calls the counter-example has.
    """

    def __init__(self, said: str, operations: int) -> None:
        super().__init__(said)
        self.operations = operations


def explore(
    lab: Lab, subject: Subject, *, clients: int = 3, steps: int = 10, restarts: bool = True
) -> None:
    """Play random programs on the lab's world; break the law on the first that is wrong.

    Args:
        clients: At most so many in a program.
        steps: So many of each client, in long programs three times as many.
        restarts: Whether a durable backend may be killed in between.

    Raises:
        NoOrder: With the shrunk counter-example.
        Undecided: The checker could not tell.
    """
    tryout = _Tryout(lab, subject)
    manner = _manner(lab.world, clients, steps, durable=restarts and tryout.is_durable())
    share = 1.0 if lab.world.virtual else lab.examples / OF_EXAMPLES
    until = time.perf_counter() + ENOUGH_SECONDS * share
    for number in range(PROGRAMS * lab.examples):
        if number >= LEAST and time.perf_counter() > until:
            return
        program = drawn_program(subject.draw, lab.seed, number, manner)
        finding = tryout.play(program)
        if finding is not None:
            raise tryout.reduced(program, finding, number)


def _manner(world: World[Any], clients: int, steps: int, *, durable: bool) -> Manner:
    return Manner(
        clients=clients,
        steps=steps,
        pause=0.02 if world.virtual else 0.003,
        outages=Ability.OUTAGE in world.abilities,
        restarts=durable and Ability.RESTART in world.abilities,
    )


class _Tryout:
    def __init__(self, lab: Lab, subject: Subject) -> None:
        self._lab, self._subject = lab, subject
        self._spaces = count()

    def is_durable(self) -> bool:
        async def ask() -> bool:
            return "durable" in (await self._lab.world.driver()).features

        return self._lab.run(ask())

    def play(self, program: Program) -> Finding | None:
        space = f"history-{next(self._spaces)}-"
        return self._lab.run(played(self._subject, self._lab.world, program, space))

    def reduced(self, program: Program, finding: Finding, number: int) -> NoOrder:
        """The failing program made small, as an error."""
        started = time.perf_counter()

        def go_on() -> bool:
            spent = time.perf_counter() - started
            return shrinking.tries < SHRINK_TRIES and spent < SHRINK_SECONDS

        shrinking = Shrinking(program, finding, self._again, go_on)
        shrinking.run()
        found = shrinking.finding
        said = (
            f"{found.why}; {len(found.calls)} calls, from {program.size} steps in "
            f"{shrinking.tries} tries; seed {self._lab.seed}, program {number}"
        )
        return NoOrder(f"{said}\n{shown(found)}", len(found.calls))

    def _again(self, program: Program) -> Finding | None:
        for _ in range(1 if self._lab.world.virtual else REPEATS):
            finding = self.play(program)
            if finding is not None:
                return finding
        return None
