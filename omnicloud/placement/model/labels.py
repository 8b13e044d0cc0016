"""Labels, what selects by them, and taints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Labels", "Match", "Operator", "Requirement", "Taint", "Toleration", "labels"]

Labels = tuple[tuple[str, str], ...]
"""Pairs of key and value in sorted order, each key once; :func:`labels` makes them."""


def labels(pairs: Mapping[str, str]) -> Labels:
    """The labels of a mapping."""
    return tuple(sorted(pairs.items()))


class Operator(StrEnum):
    """How a requirement compares."""

    IN = "in"
    NOT_IN = "not_in"
    EXISTS = "exists"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a node's labels must be.

    Attributes:
        key: Of the label.
        operator: ``NOT_IN`` also holds where the label is absent.
        values: For ``IN`` and ``NOT_IN``.
    """

    key: str
    operator: Operator = Operator.EXISTS
    values: frozenset[str] = frozenset()

    def holds(self, found: Mapping[str, str]) -> bool:
        """Whether these labels keep it."""
        value = found.get(self.key)
        if self.operator == Operator.EXISTS:
            return value is not None
        if self.operator == Operator.ABSENT:
            return value is None
        return (value in self.values) == (self.operator == Operator.IN)


@dataclass(frozen=True, slots=True)
class Match:
    """Selects workloads that have all these labels. An empty one selects every workload."""

    wanted: Labels = ()

    def selects(self, found: Labels) -> bool:
        """Whether a workload with these labels is meant."""
        return set(self.wanted) <= set(found)

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.wanted) or "any workload"


@dataclass(frozen=True, slots=True)
class Taint:
    """Keeps workloads off a node, save those that tolerate it."""

    key: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Toleration:
    """Lets a workload onto nodes with a taint of the key; of that value, where one is given."""

    key: str
    value: str | None = None

    def tolerates(self, taint: Taint) -> bool:
        """Whether the taint keeps this workload off no longer."""
        return self.key == taint.key and self.value in {None, taint.value}
