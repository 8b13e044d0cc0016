"""What a history is made of: calls, when they began and ended, and what became of them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Action", "Call", "Fate"]


class Fate(Enum):
    """What is known of a call's effect."""

    DONE = "done"
    """It was answered: it took effect once, between its beginning and its end."""
    NOT_DONE = "not done"
    """It failed without an effect."""
    UNKNOWN = "unknown"
    """It was cancelled, or its answer lost: it took effect at any time since, or never will."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a client asks for.

    Attributes:
        verb: In the words of the contract's model.
        key: What it is about; ``""`` where it is about everything.
        args: Whatever else the model needs to know.
    """

    verb: str
    key: str = ""
    args: tuple[Hashable, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.verb, *filter(None, [self.key]), *map(str, self.args)])


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it was seen from outside.

    Attributes:
        number: Its place in the history, by which others refer to it.
        client: Which client asked.
        begun: When, on the history's own clock, which counts beginnings and ends.
        ended: When its effect was surely over, or ``None`` where that is not known.
        result: The answer; ``None`` where there was none.
        after: Number of a call that took effect before this one, where that is known.
        begun_at: The same moment on the world's monotonic clock, in seconds.
        ended_at: As ``begun_at``.
        over: When the client went on, whatever became of the call.
        said: For people: what was answered instead of a result.
    """

    number: int
    client: int
    action: Action
    begun: int
    ended: int | None
    fate: Fate = Fate.DONE
    result: Hashable = None
    after: int | None = None
    begun_at: float = 0.0
    ended_at: float = 0.0
    over: int = 0
    said: str = ""

    def answer(self) -> str:
        """The answer in words."""
        if self.said:
            return self.said
        return "nothing" if self.result is None else _plain(self.result)


def _plain(value: Hashable) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return str(value)
