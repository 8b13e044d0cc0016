"""What a group of consumers has before it, in memory; plain data that never awaits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

__all__ = ["Dead", "Entry", "GroupQueue", "Stored"]

_RECEIPTS: Iterator[int] = count(1)  # for all groups: a receipt is good for one of them
_TURNS: Iterator[int] = count(1)  # for all entries: one that is replayed meets no older timer


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of a topic. ``number`` is its place in the order."""

    number: int
    id: str
    payload: bytes
    key: str | None
    headers: Mapping[str, str]
    published_at: float


class _State(Enum):
    READY = auto()
    LENT = auto()
    WAITING = auto()


@dataclass(slots=True)
class Entry:
    """A message that a group has not settled."""

    stored: Stored
    attempt: int = 0
    state: _State = _State.READY
    receipt: str = ""
    turn: int = 0
    """Of its last change of state, so that an old timer knows that it is old."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter of a group."""

    stored: Stored
    number: int
    group: str
    reason: str
    attempts: int
    died_at: float


@dataclass(slots=True)
class GroupQueue:
    """The messages of one group: ready ones in order, of each key only the oldest.

    A key's oldest message is its head; the others stand in the key's lane until the head is
    settled, whether it is ready, lent or waits for its next attempt.
    """

    name: str
    entries: dict[int, Entry] = field(default_factory=dict)
    dead: dict[int, Dead] = field(default_factory=dict)
    _ready: list[int] = field(default_factory=list)
    _heads: dict[str, int] = field(default_factory=dict)
    _lanes: dict[str, list[int]] = field(default_factory=dict)
    _timers: list[tuple[float, int, int]] = field(default_factory=list)

    def add(self, stored: Stored) -> None:
        """Put a message into its place."""
        number, key = stored.number, stored.key
        self.entries[number] = Entry(stored)
        if key is None:
            heapq.heappush(self._ready, number)
            return
        head = self._heads.get(key)
        if head is None:
            self._heads[key] = number
            heapq.heappush(self._ready, number)
            return
        if number < head and self.entries[head].state is _State.READY:
            self._heads[key] = number
            heapq.heappush(self._ready, number)
            number = head
        heapq.heappush(self._lanes.setdefault(key, []), number)

    def lend(self, most: int, until: float) -> list[Entry]:
        """Lend the first ready ones; call :meth:`tick` before."""
        lent: list[Entry] = []
        while self._ready and len(lent) < most:
            entry = self.entries.get(heapq.heappop(self._ready))
            if entry is None or entry.state is not _State.READY or not self._is_head(entry):
                continue
            entry.attempt += 1
            entry.receipt = f"{entry.stored.number}-{next(_RECEIPTS)}"
            self._change(entry, _State.LENT, until)
            lent.append(entry)
        return lent

    def held(self, receipt: str) -> Entry | None:
        """The entry that this receipt is good for; call :meth:`tick` before."""
        number = receipt.partition("-")[0]
        entry = self.entries.get(int(number)) if number.isdigit() else None
        good = entry is not None and entry.state is _State.LENT and entry.receipt == receipt
        return entry if good else None

    def extend(self, entry: Entry, until: float) -> None:
        """Let its lease end then."""
        self._change(entry, _State.LENT, until)

    def put_back(self, entry: Entry, until: float | None, *, counted: bool) -> None:
        """Give it back, to be ready then, or at once with ``None``."""
        entry.attempt -= not counted
        if until is None:
            self._make_ready(entry)
        else:
            self._change(entry, _State.WAITING, until)

    def remove(self, entry: Entry) -> None:
        """Forget it; the next of its key becomes ready."""
        number, key = entry.stored.number, entry.stored.key
        del self.entries[number]
        if key is None or self._heads.get(key) != number:
            return
        lane = self._lanes.get(key)
        if lane:
            self._heads[key] = heapq.heappop(lane)
            heapq.heappush(self._ready, self._heads[key])
        else:
            del self._heads[key]
            self._lanes.pop(key, None)

    def tick(self, now: float) -> None:
        """End leases and waits that are over."""
        while self._timers and self._timers[0][0] <= now:
            _, number, turn = heapq.heappop(self._timers)
            entry = self.entries.get(number)
            if entry is not None and entry.turn == turn:
                self._make_ready(entry)

    def next_tick(self) -> float | None:
        """When :meth:`tick` has something to do, at the earliest."""
        return self._timers[0][0] if self._timers else None

    def counts(self) -> tuple[int, int, int]:
        """How many are ready, lent, waiting."""
        states = [entry.state for entry in self.entries.values()]
        lent, waiting = states.count(_State.LENT), states.count(_State.WAITING)
        return len(states) - lent - waiting, lent, waiting

    def _is_head(self, entry: Entry) -> bool:
        key = entry.stored.key
        return key is None or self._heads.get(key) == entry.stored.number

    def _make_ready(self, entry: Entry) -> None:
        entry.state, entry.receipt = _State.READY, ""
        entry.turn = next(_TURNS)
        heapq.heappush(self._ready, entry.stored.number)

    def _change(self, entry: Entry, state: _State, until: float) -> None:
        entry.state = state
        entry.turn = next(_TURNS)
        heapq.heappush(self._timers, (until, entry.stored.number, entry.turn))
        if len(self._timers) > 1000 + 4 * len(self.entries):
            self._timers = [one for one in self._timers if self._is_due(one)]
            heapq.heapify(self._timers)

    def _is_due(self, timer: tuple[float, int, int]) -> bool:
        entry = self.entries.get(timer[1])
        return entry is not None and entry.turn == timer[2]
