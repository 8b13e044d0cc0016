"""Who holds a name and who waits for it: the decisions of a driver with a line, without a loop.

A driver whose store can change one value atomically keeps a :class:`Line` per name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

__all__ = ["EMPTY_LINE", "Line", "Place", "granted", "has_ended", "left", "renewed"]


class Place(NamedTuple):
    """An owner among the holders or in the line, until a moment."""

    owner: str
    until: float
    token: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One name: its holders, and those who wait in order of arrival."""

    holders: tuple[Place, ...] = ()
    waiting: tuple[Place, ...] = ()


EMPTY_LINE = Line()


def granted(
    line: Line,
    owner: str,
    now: float,
    *,
    ttl: float,
    permits: int,
    queue_seconds: float | None,
    token: int,
) -> tuple[Line, int | None]:
    """Grant the owner, or keep its place.

    Args:
        token: What a new grant gets.

    Returns:
        The line afterwards, and the token of the grant or ``None``.
    """
    line = _living(line, now)
    for place in line.holders:
        if place.owner == owner:
            again = Place(owner, now + ttl, place.token)
            return replace(line, holders=_with(line.holders, again)), place.token
    free = permits - len(line.holders)
    ahead = [place.owner for place in line.waiting]
    position = ahead.index(owner) if owner in ahead else len(ahead)
    if position < free:
        holders = (*line.holders, Place(owner, now + ttl, token))
        return Line(holders, _without(line.waiting, owner)), token
    if queue_seconds is None:
        return line, None
    return replace(line, waiting=_with(line.waiting, Place(owner, now + queue_seconds))), None


def renewed(line: Line, owner: str, now: float, ttl: float) -> tuple[Line, bool]:
    """Prolong the owner's grant, if it lives."""
    line = _living(line, now)
    for place in line.holders:
        if place.owner == owner:
            longer = Place(owner, now + ttl, place.token)
            return replace(line, holders=_with(line.holders, longer)), True
    return line, False


def left(line: Line, owner: str) -> Line:
    """The line without the owner."""
    return Line(_without(line.holders, owner), _without(line.waiting, owner))


def has_ended(line: Line, now: float) -> bool:
    """Whether no one holds or waits any more, so that nothing need be kept."""
    alive = _living(line, now)
    return not alive.holders and not alive.waiting


def _living(line: Line, now: float) -> Line:
    if all(place.until > now for place in line.holders + line.waiting):
        return line
    return Line(
        tuple(place for place in line.holders if place.until > now),
        tuple(place for place in line.waiting if place.until > now),
    )


def _with(places: tuple[Place, ...], new: Place) -> tuple[Place, ...]:
    if all(place.owner != new.owner for place in places):
        return (*places, new)
    return tuple(new if place.owner == new.owner else place for place in places)


def _without(places: tuple[Place, ...], owner: str) -> tuple[Place, ...]:
    return tuple(place for place in places if place.owner != owner)
