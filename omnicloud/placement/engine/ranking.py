"""From the scores of several objectives to one order of nodes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from omnicloud.placement.engine.fleet import Floats, Rows
from omnicloud.placement.rules.protocol import ALL, Bools, Scope, Score

__all__ = ["InOrder", "Part", "Ranking", "Weighted"]

SAME = 1e-9
"""Scores that differ by less are equal where aims decide one after the other."""


class Part:
    """One objective's scores as 0..1, times its weight."""

    def __init__(self, name: str, score: Score | None, weight: float) -> None:
        self.name = name
        self.weight = weight
        self._score = score
        self._bounds = None if score is None else score.bounds
        self._measured = score is not None and score.bounds is None
        self.shared = self._measured or (score is not None and score.scope is Scope.SHARED)

    @property
    def key(self) -> Hashable:
        """Parts with equal keys give every node the same; ``None``: like no other."""
        if self._score is None:
            return (self.name,)
        return None if self._score.key is None else (self.name, self._score.key)

    def measure(self, rows: NDArray[np.intp]) -> None:
        """Take the bounds from the nodes that pass, where the score has none of its own."""
        if self._measured and self._score is not None and rows.size:
            raw = self._score.raw(rows)
            self._bounds = float(raw.min()), float(raw.max())

    def normal(self, rows: Rows, size: int) -> Floats:
        """The scores of some nodes, 0..1; all alike count 1."""
        if self._score is None or self._bounds is None:
            return np.ones(size)
        low, high = self._bounds
        if high <= low:
            return np.ones(size)
        raw = self._score.raw(rows)
        scaled: Floats = (raw - low) * (1.0 / (high - low))
        return np.minimum(np.maximum(scaled, 0.0), 1.0)

    def one(self, row: int) -> float:
        """The same of one node, to the last bit."""
        if self._score is None or self._bounds is None:
            return 1.0
        low, high = self._bounds
        if high <= low:
            return 1.0
        scaled = (self._score.one(row) - low) * (1.0 / (high - low))
        return 0.0 if scaled < 0.0 else 1.0 if scaled > 1.0 else scaled


class Ranking(ABC):
    """Scores of all nodes for one shape, kept from decision to decision.

    Args:
        parts: One for each aim.
        size: Count of nodes.

    Attributes:
        relative: What one node is worth depends on which others are left.
    """

    def __init__(self, parts: tuple[Part, ...], size: int) -> None:
        self.parts = parts
        self.relative = any(part.shared for part in parts)
        self._size = size

    @abstractmethod
    def refresh(self, rows: Rows, good: Bools) -> None:
        """These nodes changed; ``good`` are those that pass what concerns them alone."""

    @abstractmethod
    def refresh_one(self, row: int, good: bool) -> None:
        """The same of one node."""

    @abstractmethod
    def best(self, limits: Floats | None) -> int:
        """The best node, the first by name among equals; -1 where none is left.

        Args:
            limits: Infinity for nodes that count, its negative for others; ``None``: all count.
        """

    @abstractmethod
    def order(self, limits: Floats | None) -> NDArray[np.intp]:
        """All nodes that are left, best first, equals by name."""

    def score(self, row: int, scores: tuple[tuple[str, float], ...]) -> float:
        """What decides, for one node with these scores: 0..1."""
        return scores[0][1]

    def scores(self, row: int) -> tuple[tuple[str, float], ...]:
        """Each objective's score of one node."""
        return tuple((part.name, part.one(row)) for part in self.parts)


class Weighted(Ranking):
    """By the weighted mean."""

    def __init__(self, parts: tuple[Part, ...], size: int) -> None:
        super().__init__(parts, size)
        self._sum = sum(part.weight for part in parts)
        self._local = [(part, part.weight / self._sum) for part in parts if not part.shared]
        self._shared = [part for part in parts if part.shared]
        self._totals: Floats = np.full(size, -np.inf)
        self._top = -1  # the best of all nodes, -1 while nobody looked
        self._most = -math.inf

    def refresh(self, rows: Rows, good: Bools) -> None:
        total: Floats | None = None
        for part, share in self._local:
            values = part.normal(rows, good.size)
            if share != 1.0:
                values = values * share
            total = values if total is None else total + values
        if total is None:
            total = np.zeros(good.shape)
        self._totals[rows] = np.where(good, total, -np.inf)
        self._top = -1

    def refresh_one(self, row: int, good: bool) -> None:
        total = -math.inf
        if good:
            total = 0.0
            for part, share in self._local:
                total += part.one(row) * share
        self._totals[row] = total
        top = self._top
        if top < 0:
            return
        if row == top:
            self._top, self._most = (row if total >= self._most else -1), total
        elif total > self._most or (total == self._most and row < top):
            self._top, self._most = row, total

    def best(self, limits: Floats | None) -> int:
        if limits is not None or self._shared:
            totals = self._now(limits)
            row = int(totals.argmax()) if totals.size else -1
            return row if row >= 0 and totals[row] > -np.inf else -1
        if self._top < 0 and self._totals.size:
            self._top = int(self._totals.argmax())
            self._most = float(self._totals[self._top])
        return self._top if self._most > -math.inf else -1

    def order(self, limits: Floats | None) -> NDArray[np.intp]:
        totals = self._now(limits)
        rows = np.flatnonzero(totals > -np.inf)
        return rows[np.argsort(-totals[rows], kind="stable")]

    def score(self, row: int, scores: tuple[tuple[str, float], ...]) -> float:
        """The weighted mean."""
        if len(scores) == 1:
            return scores[0][1]
        weighed = zip(self.parts, scores, strict=True)
        return sum(value * part.weight / self._sum for part, (_, value) in weighed)

    def scores(self, row: int) -> tuple[tuple[str, float], ...]:
        """Each objective's score; that of a single one is the mean itself."""
        if len(self.parts) == 1 and not self._shared:
            return ((self.parts[0].name, self._totals.item(row)),)
        return super().scores(row)

    def _now(self, limits: Floats | None) -> Floats:
        totals = self._totals
        if limits is not None:
            totals = np.minimum(totals, limits)
        for part in self._shared:
            part.measure(np.flatnonzero(totals > -np.inf))
            totals = totals + part.normal(ALL, self._size) * (part.weight / self._sum)
        return totals


class InOrder(Ranking):
    """By the first objective, among equals by the second, and so on."""

    def __init__(self, parts: tuple[Part, ...], size: int) -> None:
        super().__init__(parts, size)
        self._open: Bools = np.zeros(size, dtype=np.bool_)
        self._known: Floats = np.zeros((len(parts), size))

    def refresh(self, rows: Rows, good: Bools) -> None:
        self._open[rows] = good
        for number, part in enumerate(self.parts):
            if not part.shared:
                self._known[number, rows] = part.normal(rows, good.size)

    def refresh_one(self, row: int, good: bool) -> None:
        self._open[row] = good
        for number, part in enumerate(self.parts):
            if not part.shared:
                self._known[number, row] = part.one(row)

    def best(self, limits: Floats | None) -> int:
        rows = self._left(limits)
        if not rows.size:
            return -1
        good = np.ones(rows.shape, dtype=np.bool_)
        for steps in [self._steps(number, rows) for number in range(len(self.parts))]:
            good &= steps == steps[good].max()
        return int(rows[good.argmax()])

    def order(self, limits: Floats | None) -> NDArray[np.intp]:
        rows = self._left(limits)
        if not rows.size:
            return rows
        keys = [-self._steps(number, rows) for number in range(len(self.parts))]
        return rows[np.lexsort((rows, *reversed(keys)))]

    def _left(self, limits: Floats | None) -> NDArray[np.intp]:
        return np.flatnonzero(self._open if limits is None else self._open & (limits > 0))

    def _steps(self, number: int, rows: NDArray[np.intp]) -> Floats:
        """The scores by one aim, in steps of what counts as equal."""
        part = self.parts[number]
        if not part.shared:
            known: Floats = self._known[number, rows]
            return np.round(known / SAME)
        part.measure(rows)
        return np.round(part.normal(rows, rows.size) / SAME)
