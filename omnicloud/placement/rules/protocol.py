"""What a constraint and an objective are: all that the author of one must read.

A rule is asked once for each *shape* of workload (all fields alike but the name) and answers
with a filter over nodes, or with nothing where it does not concern the shape. The scope of a
filter tells the engine how long its answers stay true, and that is what makes it fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload

__all__ = ["ALL", "Bools", "Filter", "Objective", "Rule", "Scope", "Score"]

Bools = NDArray[np.bool_]
ALL = slice(None)


class Scope(Enum):
    """What may change an answer about a node."""

    FIXED = "fixed"
    """Nothing, as long as the node is there."""
    LOCAL = "local"
    """Only what comes to this node or leaves it."""
    SHARED = "shared"
    """Anything that comes or leaves anywhere."""


class Filter(ABC):
    """One rule for one shape of workload.

    Attributes:
        scope: What may change its answers.
        key: Filters of one rule with equal keys always answer alike, so that shapes share what
            was worked out for one of them; ``None``: like no other. Not read where the scope is
            SHARED.
    """

    scope: Scope = Scope.LOCAL
    key: Hashable = None

    @abstractmethod
    def passes(self, rows: Rows) -> Bools:
        """Which of these nodes may take one more of the shape, in their order."""

    def admits(self, row: int) -> bool:
        """The same of one node; worth a quicker way where it is asked after each placement."""
        return bool(self.passes(slice(row, row + 1))[0])

    def limits(self) -> Floats:
        """Of all nodes: infinity where it passes, its negative elsewhere. Not to be changed."""
        return np.where(self.passes(ALL), np.inf, -np.inf)

    @abstractmethod
    def verdict(self, row: int) -> Verdict:
        """What the rule says of one node, in numbers and words."""

    def nearest(self, rows: NDArray[np.intp]) -> int:
        """Of nodes that were refused, the one that came nearest; the first by name unless said."""
        return int(rows[0])


class Rule(ABC):
    """A constraint: no placement breaks it.

    Attributes:
        name: Unique in a catalogue.
        fixed: All its filters are of scope FIXED; such rules say where a workload may be at
            all, and their common answer is handed to the others as ``eligible``.
    """

    name: ClassVar[str]
    fixed: ClassVar[bool] = False

    @abstractmethod
    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """The filter for workloads of this shape; ``None`` where the rule does not concern it."""

    def announce(self, fleet: Fleet, workload: Workload) -> None:  # noqa: B027 - most note nothing
        """Such a workload is placed already or will be; what in it binds others is noted here.

        A rule that learns of a bound for which filters were not prepared calls
        :meth:`Fleet.new_epoch`.
        """

    def may_leave(self, fleet: Fleet, workload: Workload, *, for_good: bool) -> bool:
        """Whether no other workload's rule breaks when this one leaves its node.

        Args:
            fleet: As it is, the workload on its node.
            workload: The one that would leave.
            for_good: It is evicted; otherwise it is moved to another node.
        """
        return True


class Score(ABC):
    """One objective for one shape of workload. Higher is better.

    Attributes:
        scope: ``SHARED`` where a placement elsewhere may change the score.
        bounds: The least and the greatest value there can be; the engine makes 0..1 of them.
            ``None``: it takes the least and the greatest among the nodes that pass.
        key: Scores of one objective with equal keys are the same for every node; ``None``: like
            no other.
    """

    scope: Scope = Scope.LOCAL
    bounds: tuple[float, float] | None = (0.0, 1.0)
    key: Hashable = None

    @abstractmethod
    def raw(self, rows: Rows) -> Floats:
        """The score of each of these nodes were the workload placed there."""

    def one(self, row: int) -> float:
        """The same of one node, to the last bit; worth a quicker way where that is simple."""
        return float(self.raw(slice(row, row + 1))[0])


class Objective(ABC):
    """What makes one node better than another.

    Attributes:
        name: Unique in a catalogue.
    """

    name: ClassVar[str]

    def announce(self, fleet: Fleet, workload: Workload) -> None:  # noqa: B027 - most note nothing
        """Such a workload is placed already or will be; once for each of a snapshot."""

    @abstractmethod
    def score(self, fleet: Fleet, workload: Workload) -> Score | None:
        """The score for workloads of this shape; ``None`` where all nodes are alike to it."""
