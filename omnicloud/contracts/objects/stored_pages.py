"""Listings of stores whose keys are narrower: the store's pages turned into pages of ours.

The lines of a page are in the order of their keys, and the pages in the store's order, which is
another for keys that had to be cut, and for a store that does not compare code points.

A cursor is where the store goes on, and a line that was told. Where a page of the store held more
lines than were asked for, it is read again, and its lines up to that one are left out. Else the
line is the last in the store's order, which comes again if it is a common prefix.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from omnicloud.contracts.objects.driver import List
from omnicloud.contracts.objects.listing import common_prefix
from omnicloud.contracts.objects.models import Listed, ObjectPage
from omnicloud.contracts.objects.stored_keys import StoredKeys
from omnicloud.errors import InvalidArgumentError

__all__ = ["Ask", "Stored", "StoredPages"]

_LAST = "\U0010ffff"  # above every other character that goes on after a common prefix
_BETWEEN = "\0"  # in no key of a store
_ON, _AGAIN = ">", "="  # what a cursor starts with: the store goes on, or is read again
_CLUSTER_PAGE = 1000


class Stored(NamedTuple):
    """An object in a store's page: its line under the stored key, and the rest of its key."""

    line: Listed
    rest: str = ""


Ask = Callable[[str, str, int], Awaitable[tuple[Sequence[Stored], str | None]]]
"""Answers a page of a store: stored prefix, where to go on (empty: the beginning), most lines;
the lines in the store's order, and where it goes on (``None``: nowhere)."""


@dataclass(frozen=True, slots=True)
class StoredPages:
    """Makes pages.

    Attributes:
        keys: How keys are kept.
        ask: Asks the store.
        by_key: Whether ``ask`` goes on after any stored key, and so past a common prefix.
    """

    keys: StoredKeys
    ask: Ask
    by_key: bool

    async def page(self, op: List) -> ObjectPage:
        """One page of the store as one of ours: it may hold fewer lines than asked for."""
        place = _position(op.cursor)
        found, after = await self._stored(op, place.at)
        lines = {line.key: line for one in found if (line := self._line(one, op)) is not None}
        told = sorted(filter(place.is_new, lines))
        items = tuple(lines[key] for key in told[: op.limit])
        if len(told) > op.limit:
            return ObjectPage(items, _cursor(_AGAIN, place.at, told[op.limit - 1]))
        if after is None:
            return ObjectPage(items)
        last = next(reversed(lines), place.told)
        return ObjectPage(items, _cursor(_ON, self._next(found, after, op), last))

    async def _stored(self, op: List, at: str) -> tuple[Sequence[Stored], str | None]:
        """A page of the store, none of a cluster of cut keys without all others of it."""
        beginning = self.keys.beginning(op.prefix)
        found, after = await self.ask(beginning, at, op.limit)
        cluster = self._cluster_of(found[-1]) if found and after is not None else None
        whole = list(found)
        while cluster is not None and after is not None:
            if not whole[-1].line.key.startswith(cluster):
                break
            found, after = await self.ask(beginning, after, _CLUSTER_PAGE)
            whole += found
        return whole, after

    def _cluster_of(self, one: Stored) -> str | None:
        key = self.keys.key(one.line.key)
        return None if key is None else self.keys.cluster(key)

    def _line(self, one: Stored, op: List) -> Listed | None:
        """The line that stands for an object; ``None`` where it is not ours or not asked for."""
        key = self.keys.key(one.line.key, one.rest)
        if key is None or not key.startswith(op.prefix):
            return None
        shared = common_prefix(key, op.prefix, op.delimiter)
        return replace(one.line, key=key) if shared is None else Listed(shared)

    def _next(self, found: Sequence[Stored], after: str, op: List) -> str:
        """Where the store goes on: past all that the last common prefix stands for."""
        if not self.by_key or not found:
            return after
        line = self._line(found[-1], op)
        if line is None or not line.is_prefix or self.keys.cluster(line.key) is not None:
            return after
        return max(after, self.keys.beginning(line.key) + _LAST)


class _Position(NamedTuple):
    """Where a listing goes on.

    Attributes:
        at: For the store.
        told: A line that was told.
        again: Whether all lines up to that one were told, rather than that one alone.
    """

    at: str = ""
    told: str = ""
    again: bool = False

    def is_new(self, line: str) -> bool:
        """Whether the line was not told yet."""
        return line > self.told if self.again else line != self.told


def _cursor(how: str, at: str, told: str) -> str:
    return how + at + _BETWEEN + told


def _position(cursor: str | None) -> _Position:
    if cursor is None:
        return _Position()
    at, between, told = cursor[1:].partition(_BETWEEN)
    if not between or cursor[0] not in (_ON, _AGAIN):
        raise InvalidArgumentError("the cursor is none that a page of this service told")
    return _Position(at, told, cursor[0] == _AGAIN)
