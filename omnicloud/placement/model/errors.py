"""What can be wrong with a placement: with what went in, or with the world since."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.errors import ConflictError, InvalidArgumentError

__all__ = ["InvalidSnapshotError", "PlacementConflictError", "Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a snapshot or in options.

    Attributes:
        where: Such as ``workload 'web-1'``.
        what: What is wrong.
        mend: How to mend it.
    """

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.mend}"


class InvalidSnapshotError(InvalidArgumentError):
    """What was given cannot be placed as it stands. Nothing was placed.

    Args:
        problems: All that were found, not the first alone.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        listed = "\n".join(f"- {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in what is to be placed:\n{listed}")
        self.problems = problems


class PlacementConflictError(ConflictError):
    """The fleet is not what the decision was made for; nothing of it was reserved.

    Args:
        reasons: Each workload that cannot be placed as decided, and why.
    """

    def __init__(self, reasons: tuple[tuple[str, str], ...]) -> None:
        listed = "; ".join(f"{workload}: {why}" for workload, why in reasons)
        super().__init__(listed, hint="decide again from a fresh snapshot")
        self.reasons = reasons
