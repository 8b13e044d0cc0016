"""What a group of consumers has before it, as one record: decisions without a loop.

The record says up to which number the group has looked at the topic's messages, and of those
that are not settled how they stand. So each request changes one message of the stream, and is
done whole or not at all.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["WINDOW", "Dead", "Entry", "Group", "Seen", "place_of"]

WINDOW = 4000
"""How many unsettled messages a group looks past: as many fit into its record."""

_READY, _LENT, _WAITING = "r", "l", "w"
_SHIFT = 20
_PLAIN = ("name", "cursor", "turns", "again", "since")


class Seen(NamedTuple):
    """A message after those that a group has looked at; ``lane``: of its key.

    ``lane`` is ``None`` for a message that is not the topic's, and only says how far it is.
    """

    seq: int
    lane: str | None = None
    published_at: float = 0.0


@dataclass(slots=True)
class Entry:
    """A message that the group has not settled.

    Attributes:
        ref: The number under which it is stored.
        lane: What stands for its key; empty where it has none.
        copied: Whether it is stored for this group alone.
    """

    ref: int
    lane: str
    attempt: int = 0
    state: str = _READY
    until: float = 0.0
    turn: int = 0
    copied: bool = False


class Dead(NamedTuple):
    """A dead letter, stored for its group alone. ``number``: its place among all deaths."""

    number: int
    ref: int
    id: str
    lane: str
    reason: str
    attempts: int
    died_at: float


@dataclass(slots=True)
class Group:
    """A group's record. The keys of ``entries`` are places in the order.

    Attributes:
        cursor: Up to where it has looked at the stream.
        again: Up to where it had, before a replay set the cursor back.
        since: What was published before this moment is not replayed.
    """

    name: str
    cursor: int
    entries: dict[int, Entry] = field(default_factory=dict)
    dead: list[Dead] = field(default_factory=list)
    turns: int = 0
    again: int = 0
    since: float = 0.0

    @classmethod
    def read(cls, data: bytes) -> Group:
        """The group of a record."""
        said: dict[str, Any] = json.loads(zlib.decompress(data))
        entries = {int(place): Entry(*fields) for place, fields in said["entries"]}
        dead = [Dead(*fields) for fields in said["dead"]]
        plain = {name: said[name] for name in _PLAIN}
        return cls(entries=entries, dead=dead, **plain)

    def written(self) -> bytes:
        """The record of the group."""
        said = {
            **{name: getattr(self, name) for name in _PLAIN},
            "entries": [(place, _fields(one)) for place, one in self.entries.items()],
            "dead": self.dead,
        }
        return zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 1)

    @property
    def low(self) -> int:
        """The smallest number of the topic's messages that the group still needs."""
        needed = [one.ref for one in self.entries.values() if not one.copied]
        return min([*needed, self.cursor + 1])

    @property
    def room(self) -> int:
        """How many more messages it may look at."""
        return WINDOW - len(self.entries)

    def look(self, seen: Iterable[Seen]) -> int:
        """Look at what comes after the cursor, in its order; how many messages it takes up."""
        taken = 0
        for one in seen:
            if one.seq <= self.cursor:
                continue
            self.cursor = one.seq
            if one.lane is not None and not self.has(one):
                self.entries[place_of(one.seq)] = Entry(one.seq, one.lane)
                taken += 1
        return taken

    def has(self, one: Seen) -> bool:
        """Whether a message was settled before, or is not settled yet."""
        settled = one.seq <= self.again and one.published_at < self.since
        return settled or place_of(one.seq) in self.entries

    def replay(self, seen: Sequence[Seen], since: float) -> int:
        """Set back to before these messages what was published at ``since`` or later."""
        behind = max(self.again, self.cursor)
        back = [one for one in seen if one.published_at >= since and self._is_settled(one, behind)]
        if back:
            self.since = since if self._has_read(seen) else min(since, self.since)
            self.again, self.cursor = behind, min(self.cursor, back[0].seq - 1)
        return len(back)

    def _has_read(self, seen: Sequence[Seen]) -> bool:
        """Whether nothing is left of the replay before: what was settled may stand behind it."""
        if self.cursor >= self.again:
            return True
        left = (one for one in seen if self.cursor < one.seq <= self.again)
        return seen[0].seq <= self.cursor and all(self.has(one) for one in left)

    def _is_settled(self, one: Seen, behind: int) -> bool:
        looked = one.seq <= self.cursor
        return (
            one.seq <= behind
            and (looked or one.published_at < self.since)
            and (place_of(one.seq) not in self.entries)
        )

    def lend(self, now: float, most: int, lease: float) -> list[tuple[str, Entry]]:
        """Lend the first ready ones, of each key only its oldest, with their receipts."""
        self._tick(now)
        lent: list[tuple[str, Entry]] = []
        busy: set[str] = set()
        for place in sorted(self.entries):
            if len(lent) == most:
                break
            if place >> _SHIFT > self.cursor:
                break  # what it has not looked at may go before it
            entry = self.entries[place]
            if entry.state == _READY and entry.lane not in busy:
                self.turns += 1
                entry.attempt, entry.turn = entry.attempt + 1, self.turns
                entry.state, entry.until = _LENT, now + lease
                lent.append((f"{place}-{entry.turn}", entry))
            if entry.lane:
                busy.add(entry.lane)
        return lent

    def held(self, receipt: str, now: float) -> Entry | None:
        """The entry that this receipt is good for."""
        self._tick(now)
        place, _, turn = receipt.partition("-")
        entry = self.entries.get(int(place)) if place.isdigit() else None
        good = entry is not None and entry.state == _LENT and str(entry.turn) == turn
        return entry if good else None

    def remove(self, receipt: str) -> None:
        """Forget the entry of a receipt that is good."""
        del self.entries[int(receipt.partition("-")[0])]

    def put_back(self, entry: Entry, until: float | None, *, counted: bool) -> None:
        """Give it back, to be ready then, or at once with ``None``."""
        entry.attempt -= not counted
        entry.state, entry.until = (_READY, 0.0) if until is None else (_WAITING, until)

    def kill(self, receipt: str, letter: Dead) -> None:
        """Make the entry of a receipt that is good a dead letter."""
        self.remove(receipt)
        self.dead.append(letter)

    def redrive(self, ids: tuple[str, ...], end: int) -> int:
        """Put dead letters behind the messages up to the number ``end``; how many."""
        chosen = [one for one in self.dead if not ids or one.id in ids]
        self.dead = [one for one in self.dead if one not in chosen]
        place = max([place_of(end), *self.entries])
        for one in chosen:
            place += 1
            self.entries[place] = Entry(one.ref, one.lane, copied=True)
        return len(chosen)

    def next_tick(self) -> float | None:
        """When a lease or a wait ends, the first."""
        times = [one.until for one in self.entries.values() if one.state != _READY]
        return min(times, default=None)

    def counts(self, now: float) -> tuple[int, int, int]:
        """How many are ready, lent, waiting."""
        self._tick(now)
        states = [one.state for one in self.entries.values()]
        return states.count(_READY), states.count(_LENT), states.count(_WAITING)

    def _tick(self, now: float) -> None:
        for entry in self.entries.values():
            if entry.state != _READY and entry.until <= now:
                entry.state = _READY


def place_of(seq: int) -> int:
    """The place of a message of the topic in the order; there is room behind each."""
    return seq << _SHIFT


def _fields(one: Entry) -> tuple[object, ...]:
    return (one.ref, one.lane, one.attempt, one.state, one.until, one.turn, one.copied)
