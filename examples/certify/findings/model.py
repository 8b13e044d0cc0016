"""How a finding is written down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = ["SHOWS", "Finding", "Kind", "laws"]

SHOWS = Path(__file__).parents[1] / "shows"


def laws(contract: str, *numbers: int) -> tuple[str, ...]:
    """The laws of a contract by their numbers."""
    return tuple(f"{contract}-{number:03}" for number in numbers)


class Kind(Enum):
    """Whose it is that a law is broken."""

    FAULT = "a fault"
    """The library does not do what it says, or what nobody could want."""
    ASKS_MORE = "the contract asks more"
    """The library never promised it."""
    KIT = "the law is too strict here"
    """The library does what the contract says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of broken laws.

    Attributes:
        subjects: Which libraries show it.
        laws: Which laws it breaks, any of those; none where no law met it.
        said: What the library does, in one sentence.
        show: The script, without its ending; empty for what is the kit's.
    """

    subjects: tuple[str, ...]
    laws: tuple[str, ...]
    kind: Kind
    said: str
    show: str = ""

    @property
    def script(self) -> Path:
        """Where the script is."""
        return SHOWS / f"{self.show}.py"
