"""When to load a value again before it expires.

Source: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede
Prevention", Proceedings of the VLDB Endowment 8(8), 2015: a reader loads anew where
``now - delta * beta * ln(u) >= expiry``, with ``delta`` the seconds that a load takes and ``u``
uniform in (0, 1].
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

__all__ = ["LoadTimes", "is_due"]


def is_due(expires_in: float | None, delta: float | None, beta: float, draw: float) -> bool:
    """Whether this reader should load the value anew.

    Args:
        expires_in: Seconds that the value has left; ``None`` is for ever.
        delta: Seconds that its last load took; ``None`` is unknown.
        beta: 1 is the paper's optimum, more is earlier, 0 is never.
        draw: Uniform in [0, 1).
    """
    if expires_in is None or delta is None or beta <= 0:
        return False
    return expires_in <= -delta * beta * math.log(1.0 - draw)


class LoadTimes:
    """How long the last load of a key took; the newest keys only.

    Args:
        draw: Answers numbers uniform in [0, 1).
    """

    def __init__(self, draw: Callable[[], float], keep: int = 10_000) -> None:
        self._draw = draw
        self._keep = keep
        self._seconds: OrderedDict[Hashable, float] = OrderedDict()

    def note(self, key: Hashable, seconds: float) -> None:
        """Remember a load."""
        self._seconds[key] = seconds
        self._seconds.move_to_end(key)
        if len(self._seconds) > self._keep:
            self._seconds.popitem(last=False)

    def is_due(self, key: Hashable, expires_in: float | None, beta: float) -> bool:
        """Whether a reader of this key should load it anew."""
        delta = self._seconds.get(key)
        return delta is not None and is_due(expires_in, delta, beta, self._draw())
