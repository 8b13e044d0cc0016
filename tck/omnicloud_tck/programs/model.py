"""What a contract's model says: which states may be once a request was answered so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from omnicloud.core.operation import Operation

__all__ = ["NO_ANSWER", "Failed", "Model", "NoAnswer", "Span", "Unclear"]


class NoAnswer:
    """Stands for the answer to a request that was done and of which nobody heard."""


NO_ANSWER: Final = NoAnswer()


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that ended in an error of exactly this class."""

    error: str


@dataclass(frozen=True, slots=True)
class Span:
    """When a request was sent and when it was answered, by the world's monotonic clock.

    Attributes:
        wall: The wall clock when it was sent.
        slack: Seconds by which a provider may be off when it tells of times.
    """

    sent: float
    told: float
    wall: float = 0.0
    slack: float = 0.15


class Unclear(Exception):  # noqa: N818 - said of a program, not of a provider
    """The model cannot tell what is right at this moment: a life ends just now."""


class Model(Protocol):
    """What the contract says of one tenant's records, read plainly.

    A state is never changed in place: several may be possible at once.
    """

    def empty(self) -> Any:
        """The state before anything was done."""

    def after(self, state: Any, op: Operation[Any, Any], answer: object, span: Span) -> Any:
        """The state after a request was answered so.

        Raises:
            Broken: It must not be answered so in this state.
            Unclear: It may or may not.
        """

    def halfway(self, state: Any, op: Operation[Any, Any], span: Span) -> Iterator[Any]:
        """The states that there may be after a request of which no answer came."""
