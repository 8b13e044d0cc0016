"""Who holds a name and who waits for it: one value, and what each request makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import msgspec

from omnicloud.errors import CorruptedError

__all__ = ["FREE", "Holder", "Line", "Place"]

_PLACE_RATIO = 1.2  # a place is kept a little longer, so that not each asking is a write


class Holder(msgspec.Struct, frozen=True, array_like=True):
    """An owner's grant; ``token`` is 0 in the very write whose revision it is."""

    owner: str
    end_ms: int
    token: int = 0


class Place(msgspec.Struct, frozen=True, array_like=True):
    """An owner's place in the line, the first one foremost."""

    owner: str
    end_ms: int


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    holders: tuple[Holder, ...]
    waiting: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A name at one moment. Nothing here waits: each method answers what is to be written."""

    holders: tuple[Holder, ...] = ()
    waiting: tuple[Place, ...] = ()

    @classmethod
    def read(cls, data: bytes, revision: int) -> Self:
        """What is stored; grants made by that write get its revision as their token.

        Raises:
            CorruptedError: It is none of ours.
        """
        try:
            stored = msgspec.json.decode(data, type=_Stored)
        except msgspec.MsgspecError:
            raise CorruptedError(
                "a key of this service holds what it did not write",
                hint="something else writes under its namespace",
            ) from None
        return cls(stored.holders, stored.waiting).numbered(revision)

    def written(self) -> bytes:
        """What to store."""
        return msgspec.json.encode(_Stored(self.holders, self.waiting))

    @property
    def empty(self) -> bool:
        """Whether nobody holds it nor waits."""
        return not self.holders and not self.waiting

    @property
    def end_ms(self) -> int:
        """When the last of the grants and places ends."""
        ends = [one.end_ms for one in self.holders]
        return max(ends + [one.end_ms for one in self.waiting])

    def holder(self, owner: str) -> Holder | None:
        """The owner's grant."""
        return next((one for one in self.holders if one.owner == owner), None)

    def numbered(self, revision: int) -> Self:
        """With that token for grants that have none yet."""
        holders = tuple(
            one if one.token else Holder(one.owner, one.end_ms, revision) for one in self.holders
        )
        return replace(self, holders=holders)

    def at(self, now_ms: int) -> Self:
        """Without what has ended by then."""
        holders = tuple(one for one in self.holders if one.end_ms > now_ms)
        waiting = tuple(one for one in self.waiting if one.end_ms > now_ms)
        return replace(self, holders=holders, waiting=waiting)

    def acquired(self, owner: str, end_ms: int, permits: int) -> Self | None:
        """With a grant of the owner; ``None`` where it is not its turn."""
        held = self.holder(owner)
        if held is None:
            owners = [one.owner for one in self.waiting]
            before = owners.index(owner) if owner in owners else len(owners)
            if before >= permits - len(self.holders):
                return None
        grant = Holder(owner, end_ms, 0 if held is None else held.token)
        return replace(self.without(owner), holders=(*self.without(owner).holders, grant))

    def queued(self, owner: str, now_ms: int, wait_ms: int) -> Self | None:
        """With a place of the owner that lasts so long; ``None`` where it has one already."""
        owners = [one.owner for one in self.waiting]
        at = owners.index(owner) if owner in owners else len(owners)
        if at < len(owners) and self.waiting[at].end_ms >= now_ms + wait_ms:
            return None
        place = Place(owner, now_ms + round(wait_ms * _PLACE_RATIO))
        return replace(self, waiting=(*self.waiting[:at], place, *self.waiting[at + 1 :]))

    def without(self, owner: str) -> Self:
        """Without the owner's grant and place."""
        holders = tuple(one for one in self.holders if one.owner != owner)
        waiting = tuple(one for one in self.waiting if one.owner != owner)
        return replace(self, holders=holders, waiting=waiting)


FREE = Line()
"""A name that nobody holds."""
