"""What can be wrong with samples of usage, counted by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

__all__ = ["Trouble", "Troubles"]


class Trouble(Enum):
    """Why a sample was not used."""

    NOT_A_NUMBER = "the value or the time is NaN or infinite"
    NEGATIVE = "the value is below zero"
    IMPLAUSIBLE = "the value is above what the machine can give"
    FROM_THE_FUTURE = "the time is ahead of our clock"
    CLOCK_WENT_BACK = "the time is before a sample that came earlier"
    TOO_OLD = "the time is before the history begins"
    COUNTER_RESET = "the counter is lower than before: it started anew"
    TOO_LONG_BETWEEN = "too much time between two readings of a counter for a rate"


class Troubles:
    """How often each trouble met each workload."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Trouble]] = {}

    def note(self, name: str, trouble: Trouble) -> None:
        self._counts.setdefault(name, Counter())[trouble] += 1

    def of(self, name: str) -> Mapping[Trouble, int]:
        """Counts of one workload."""
        return dict(self._counts.get(name, {}))

    def total(self) -> Mapping[Trouble, int]:
        """Counts of all workloads."""
        return dict(sum(self._counts.values(), Counter()))

    def forget(self, name: str) -> None:
        self._counts.pop(name, None)
