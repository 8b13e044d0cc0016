"""How long a search may go on."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Budget"]

_ASKED_EVERY = 256


class Budget:
    """Steps that are left, and somebody who may say that it is enough.

    Attributes:
        spent: Steps so far.
    """

    def __init__(self, steps: int, enough: Callable[[], bool]) -> None:
        self._steps = steps
        self._enough = enough
        self.spent = 0

    def spend(self) -> None:
        """One step more."""
        self.spent += 1

    def over(self, *, often: int = 0) -> bool:
        """Whether to stop. Where the number of quick steps is told, few of them ask around."""
        return self.spent >= self._steps or (often % _ASKED_EVERY == 0 and self._enough())
