"""Tries numbers of machines, fewer after each that does, more after each that does not.

Items whose kinds bear few others come first, because later every machine has somebody whom
they do not bear; each goes where it crowds the full hours least. What finds no place is put in
the place of those whom it does not bear, or of something smaller; who lost a place is put next.
Where no other number is left to try, the emptiest machine is given up in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.search.attempt import Attempt
from omnicloud.placement.search.budget import Budget
from omnicloud.placement.search.first_fit import first_fit
from omnicloud.placement.search.problem import Packed, Problem

__all__ = ["pack"]

_PATIENCE = 3_000  # steps without fewer homeless items after which an attempt is given up
_LONG = 50_000  # the same where a machine was given up
_HOPELESS = 0.01  # share of all items without a place with which nothing is mended
_MENDABLE = 64  # so many always are


def pack(
    problem: Problem,
    *,
    machines: int,
    steps: int,
    seed: int = 0,
    enough: Callable[[], bool] = lambda: False,
) -> Packed:
    """The fewest machines that were found; never more than first fit needs.

    Args:
        problem: What is packed.
        machines: So many are tried first.
        steps: At most so many items are put somewhere after the first fit; with it alone the
            result is the same every time.
        seed: Of ties and of what is tried.
        enough: Asked between steps; ends the search.
    """
    search = _Search(problem, seed, Budget(steps, enough))
    search.halve(machines)
    search.close()
    return search.found()


class _Search:
    def __init__(self, problem: Problem, seed: int, budget: Budget) -> None:
        self._problem = problem
        self._seed = seed
        self._budget = budget
        self._best = first_fit(problem)
        self._count = _count(self._best)
        self._winner: Attempt | None = None

    def halve(self, machines: int) -> None:
        """Try numbers between those that did and those that did not."""
        failed = max(self._problem.least, 1) - 1
        while self._count - failed > 1 and not self._budget.over():
            machines = min(max(machines, failed + 1), self._count - 1)
            attempt = self._tried(machines)
            self._keep(attempt)
            if not attempt.complete:
                failed = machines
            machines = (failed + self._count) // 2

    def close(self) -> None:
        """Give up one machine after another of the best attempt, as long as there is time."""
        attempt = self._winner
        while attempt and self._count > max(self._problem.least, 1) and not self._budget.over():
            if not attempt.close_one():
                return
            attempt.mend(_LONG)
            self._keep(attempt)

    def found(self) -> Packed:
        """The best so far."""
        return Packed(self._best, self._count, self._budget.spent)

    def _tried(self, machines: int) -> Attempt:
        attempt = Attempt(self._problem, machines, self._seed, self._budget)
        attempt.greedy()
        if len(attempt.homeless) <= max(_MENDABLE, _HOPELESS * len(self._problem.items)):
            attempt.mend(_PATIENCE)
        return attempt

    def _keep(self, attempt: Attempt) -> None:
        packed = attempt.packed()
        if _count(packed) < self._count:
            self._best, self._count = packed, _count(packed)
            self._winner = attempt if attempt.complete else self._winner


def _count(packed: NDArray[np.intp]) -> int:
    return int(packed.max(initial=-1)) + 1
