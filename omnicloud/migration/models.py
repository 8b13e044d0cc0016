"""What a copy is of, what it cannot carry, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Failure", "Item", "Loss", "Moved", "Mover", "Notes", "Report"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of the source that the target will not have.

    Attributes:
        what: In a few words.
        why: In one sentence.
        accept: The word that accepts it, without which nothing is copied; ``None`` where no
            copy can carry it, so that it is only told.
    """

    what: str
    why: str
    accept: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be copied.

    Attributes:
        place: What names it in the source: a key, or a collection and an ``_id``.
        version: The source's, where the listing tells it.
        held: What the listing told besides, for the mover that made it.
    """

    place: tuple[str, ...]
    version: str | None = None
    held: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Moved:
    """An item is in the target as it is in the source.

    Attributes:
        version: The version of the source that was copied.
        size_bytes: Of its value.
        written: ``False`` where the journal knew this version, so that nothing was sent.
    """

    version: str
    size_bytes: int = 0
    written: bool = True


class Notes(Protocol):
    """What an earlier run has left, and what a later one shall find."""

    def version(self, place: tuple[str, ...]) -> str | None:
        """The version of the source that was copied before."""

    def begun(self, place: tuple[str, ...]) -> tuple[str, str] | None:
        """An upload that was begun, and the version of the source it is of."""

    async def begin(self, place: tuple[str, ...], upload: str, version: str) -> None:
        """Note that an upload was begun."""


class Mover(Protocol):
    """Copies the items of one contract."""

    def losses(self) -> tuple[Loss, ...]:
        """What the target will not have."""

    def items(self) -> AsyncIterator[Item]:
        """Everything there is to copy."""

    async def move(self, item: Item, notes: Notes) -> Moved | None:
        """Copy an item and read it back; ``None`` where it is not there any more.

        Raises:
            CorruptedError: What the target gives back is not what the source gave.
            ConflictError: The source was written again and again meanwhile.
        """


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that was not copied, and why."""

    place: tuple[str, ...]
    error: str
    message: str


@dataclass(slots=True)
class Report:
    """How far a copy is, and in the end what came of it.

    Attributes:
        found: Items that were listed so far.
        copied: Written and read back.
        unchanged: Copied by an earlier run, and the same since.
        vanished: Deleted, or at their end, before they could be copied.
        size_bytes: Of the values that were written.
        failures: Those that were not copied, at most so many as end a copy.
        complete: Whether everything that was found was looked at.
    """

    found: int = 0
    copied: int = 0
    unchanged: int = 0
    vanished: int = 0
    size_bytes: int = 0
    failures: list[Failure] = field(default_factory=list)
    complete: bool = False

    @property
    def well(self) -> bool:
        """Whether the target has everything."""
        return self.complete and not self.failures and self.done == self.found

    @property
    def done(self) -> int:
        """Items that were looked at."""
        return self.copied + self.unchanged + self.vanished + len(self.failures)

    def as_json(self) -> dict[str, object]:
        """The report as JSON values."""
        return {
            "found": self.found,
            "copied": self.copied,
            "unchanged": self.unchanged,
            "vanished": self.vanished,
            "size_bytes": self.size_bytes,
            "complete": self.complete,
            "failures": [
                {"place": list(one.place), "error": one.error, "message": one.message}
                for one in self.failures
            ],
        }
