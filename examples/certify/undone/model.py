"""How a cause that is undone is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

from ..subjects import subject

__all__ = ["Undone"]


@dataclass(frozen=True, slots=True)
class Undone:
    """A cause that is undone.

    Attributes:
        show: The script of the finding.
        subject: The library that shows it.
        laws: Laws that it breaks, and that hold without it.
    """

    show: str
    subject: str
    laws: tuple[str, ...]
    world: Callable[[], World[Any]]
    laws_by: type[Contract] | None = None

    @property
    def owner(self) -> type[Contract]:
        """The class of the laws."""
        return self.laws_by or subject(self.subject).contract_class()
