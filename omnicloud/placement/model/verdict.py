"""A yes or no with its reason, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule or a verifier says of one workload on one node.

    Attributes:
        rule: Name of the rule that speaks.
        passed: Whether the node may take the workload.
        words: Why, one sentence for a person.
        wanted: What the workload asks, in ``unit``, where the rule is about an amount.
        offered: What the node has left of it, in ``unit``.
        unit: Of both numbers.
    """

    rule: str
    passed: bool
    words: str
    wanted: float | None = None
    offered: float | None = None
    unit: str = ""
