"""From the scores of several objectives to one order of nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod

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


class Ranking(ABC):
    """Scores of all nodes for one shape, kept from decision to decision.

    Args:
        parts: One for each aim.
        size: Count of nodes.
    """

    def __init__(self, parts: tuple[Part, ...], size: int) -> None:
        self.parts = parts
        self._size = size
        self._open: Bools = np.zeros(size, dtype=np.bool_)

    @abstractmethod
    def refresh(self, rows: Rows, good: Bools) -> None:
        """These nodes changed; ``good`` are those that pass what concerns them alone."""

    @abstractmethod
    def best(self, allowed: Bools | None) -> int:
        """The best node, the first by name among equals; -1 where none is left."""

    @abstractmethod
    def order(self, allowed: Bools | None) -> NDArray[np.intp]:
        """All nodes that are left, best first, equals by name."""

    def score(self, row: int, scores: tuple[tuple[str, float], ...]) -> float:
        """What decides, for one node with these scores: 0..1."""
        return scores[0][1]

    def scores(self, row: int) -> tuple[tuple[str, float], ...]:
        """Each objective's score of one node."""
        rows = np.array([row])
        return tuple((part.name, float(part.normal(rows, 1)[0])) for part in self.parts)


class Weighted(Ranking):
    """By the weighted mean."""

    def __init__(self, parts: tuple[Part, ...], size: int) -> None:
        super().__init__(parts, size)
        self._sum = sum(part.weight for part in parts)
        self._local = [part for part in parts if not part.shared]
        self._shared = [part for part in parts if part.shared]
        self._totals: Floats = np.full(size, -np.inf)

    def refresh(self, rows: Rows, good: Bools) -> None:
        total: Floats | None = None
        for part in self._local:
            values = part.normal(rows, good.size)
            if part.weight != self._sum:
                values = values * (part.weight / self._sum)
            total = values if total is None else total + values
        if total is None:
            total = np.zeros(good.shape)
        self._totals[rows] = np.where(good, total, -np.inf)

    def best(self, allowed: Bools | None) -> int:
        totals = self._now(allowed)
        row = int(totals.argmax()) if totals.size else -1
        return row if row >= 0 and totals[row] > -np.inf else -1

    def order(self, allowed: Bools | None) -> NDArray[np.intp]:
        totals = self._now(allowed)
        rows = np.flatnonzero(totals > -np.inf)
        return rows[np.argsort(-totals[rows], kind="stable")]

    def score(self, row: int, scores: tuple[tuple[str, float], ...]) -> float:
        """The weighted mean."""
        weighed = zip(self.parts, scores, strict=True)
        return sum(value * part.weight / self._sum for part, (_, value) in weighed)

    def scores(self, row: int) -> tuple[tuple[str, float], ...]:
        """Each objective's score; that of a single one is the mean itself."""
        if len(self.parts) == 1 and not self._shared:
            return ((self.parts[0].name, float(self._totals[row])),)
        return super().scores(row)

    def _now(self, allowed: Bools | None) -> Floats:
        totals = self._totals
        if allowed is not None:
            totals = np.where(allowed, totals, -np.inf)
        for part in self._shared:
            part.measure(np.flatnonzero(totals > -np.inf))
            totals = totals + part.normal(ALL, self._size) * (part.weight / self._sum)
        return totals


class InOrder(Ranking):
    """By the first objective, among equals by the second, and so on."""

    def __init__(self, parts: tuple[Part, ...], size: int) -> None:
        super().__init__(parts, size)
        self._known: Floats = np.zeros((len(parts), size))

    def refresh(self, rows: Rows, good: Bools) -> None:
        self._open[rows] = good
        for number, part in enumerate(self.parts):
            if not part.shared:
                self._known[number, rows] = part.normal(rows, good.size)

    def best(self, allowed: Bools | None) -> int:
        order = self.order(allowed)
        return int(order[0]) if order.size else -1

    def order(self, allowed: Bools | None) -> NDArray[np.intp]:
        rows = np.flatnonzero(self._open if allowed is None else self._open & allowed)
        if not rows.size:
            return rows
        keys = [-np.round(self._values(n, rows) / SAME) for n in range(len(self.parts))]
        return rows[np.lexsort((rows, *reversed(keys)))]

    def _values(self, number: int, rows: NDArray[np.intp]) -> Floats:
        part = self.parts[number]
        if not part.shared:
            known: Floats = self._known[number, rows]
            return known
        part.measure(rows)
        return part.normal(rows, rows.size)
