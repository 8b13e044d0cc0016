"""A plain reading of topics: what each group may be lent, what waits, what is dead.

It shares nothing with any driver. Of several right answers it knows all: which of the ready
messages a driver lends first is its own affair, but for the order of keys where it declares one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

__all__ = ["Entry", "Group", "Letter", "Message", "State", "Topic"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was published; ``stamp`` is of the wall clock, ``born`` monotonic."""

    id: str
    payload: bytes
    key: str | None
    headers: dict[str, str]
    stamp: float
    born: float


class State(Enum):
    """What became of a message in a group."""

    READY = auto()
    LENT = auto()
    WAITING = auto()
    DONE = auto()
    DEAD = auto()


_OVER = (State.DONE, State.DEAD)


@dataclass(slots=True)
class Entry:
    """A message of a group.

    Attributes:
        until: When its lease or its wait ends.
        receipt: Of the delivery that is under way, or was the last.
    """

    message: Message
    attempts: int = 0
    state: State = State.READY
    until: float = 0.0
    receipt: str = ""

    def is_over(self) -> bool:
        """Whether the group is done with it."""
        return self.state in _OVER

    def lend(self, receipt: str, until: float) -> None:
        """Begin a delivery."""
        self.state, self.receipt, self.until = State.LENT, receipt, until
        self.attempts += 1

    def give_back(self, until: float | None, *, counted: bool) -> None:
        """End the delivery; the next is due then, or at once."""
        self.attempts -= not counted
        self.state = State.READY if until is None else State.WAITING
        self.until = until or 0.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    message: Message
    reason: str
    attempts: int
    stamp: float


@dataclass(slots=True)
class Group:
    """A group's messages in the order of its topic, and its dead letters, oldest death first."""

    ordered: bool
    entries: list[Entry] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Receipts that settle nothing any more."""
    lenders: dict[str, int] = field(default_factory=dict)
    """Which client was given a receipt: nothing promises that another can settle by it."""
    redriven: bool = False

    def tick(self, now: float) -> None:
        """End leases and waits that are over."""
        for entry in self.entries:
            if entry.state in (State.LENT, State.WAITING) and entry.until <= now:
                if entry.state is State.LENT:
                    self.stale.append(entry.receipt)
                entry.state = State.READY

    def moments(self) -> Iterator[float]:
        """When something ends by itself."""
        for entry in self.entries:
            if entry.state in (State.LENT, State.WAITING):
                yield entry.until

    def lendable(self) -> dict[str, Entry]:
        """What may be lent now, by id: of a key only its oldest that is not settled, in order."""
        return self._ready(by_key=self.ordered)

    def free(self) -> dict[str, Entry]:
        """What has to be lent: of a key only the oldest, for who promises no order may keep one."""
        return self._ready(by_key=True)

    def _ready(self, *, by_key: bool) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        keys: set[str] = set()
        for entry in self.entries:
            key = entry.message.key if by_key else None
            if entry.is_over() or key in keys:
                continue
            if key is not None:
                keys.add(key)
            if entry.state is State.READY:
                found[entry.message.id] = entry
        return found

    def lent(self) -> list[Entry]:
        """What is out."""
        return [entry for entry in self.entries if entry.state is State.LENT]

    def counts(self) -> tuple[int, int, int, int]:
        """Ready, lent, waiting, dead."""
        states = [entry.state for entry in self.entries]
        out, waits = states.count(State.LENT), states.count(State.WAITING)
        return states.count(State.READY), out, waits, len(self.letters)

    def settle(self, entry: Entry, state: State) -> None:
        """End a delivery for good."""
        entry.state = state
        self.stale.append(entry.receipt)

    def redrive(self, letters: list[Letter]) -> None:
        """Put dead letters behind all else, as new."""
        for letter in letters:
            self.letters.remove(letter)
            self.entries = [one for one in self.entries if one.message.id != letter.message.id]
            self.entries.append(Entry(letter.message))
            self.redriven = True

    def knots(self) -> bool:
        """Whether what a replay brings could meet deliveries, or deaths, of the same messages."""
        busy = any(entry.state in (State.LENT, State.WAITING) for entry in self.entries)
        return busy or bool(self.letters) or self.redriven


@dataclass(slots=True)
class Topic:
    """A topic's groups, its log in order, and what is scheduled."""

    ordered: bool
    groups: dict[str, Group] = field(default_factory=dict)
    log: list[Message] = field(default_factory=list)
    scheduled: list[tuple[float, Message]] = field(default_factory=list)
    ids: dict[str, float] = field(default_factory=dict)
    """When an id that a caller chose was published."""
    gone: list[str] = field(default_factory=list)
    """Ids that were taken back, about whose further use nothing is promised."""

    def tick(self, now: float) -> None:
        """Publish what is due, and end what is over."""
        self.scheduled.sort(key=lambda one: one[0])
        while self.scheduled and self.scheduled[0][0] <= now:
            self.publish(self.scheduled.pop(0)[1])
        for group in self.groups.values():
            group.tick(now)

    def moments(self) -> Iterator[float]:
        """When something happens by itself."""
        yield from (due for due, _ in self.scheduled)
        for group in self.groups.values():
            yield from group.moments()

    def publish(self, message: Message) -> None:
        """Give a message to all groups."""
        self.log.append(message)
        for group in self.groups.values():
            group.entries.append(Entry(message))

    def subscribe(self, name: str, *, retained: bool) -> None:
        """Make a group, with all of the log where that is retained."""
        if name not in self.groups:
            before = [Entry(message) for message in self.log] if retained else []
            self.groups[name] = Group(self.ordered, before)

    def replay(self, name: str, since: float) -> int:
        """Put what a group has settled before it again, in its old order; how many."""
        group = self.groups[name]
        held = {one.message.id: one for one in group.entries if not one.is_over()}
        again = [one for one in self.log if one.id not in held and one.stamp >= since]
        back = {one.id for one in again}
        keep = [one for one in self.log if one.id in held or one.id in back]
        group.entries = [held.get(one.id) or Entry(one) for one in keep]
        return len(again)

    def cancel(self, message_id: str) -> bool:
        """Take a scheduled message back; whether it was one."""
        left = [one for one in self.scheduled if one[1].id != message_id]
        found = len(left) < len(self.scheduled)
        self.scheduled = left
        return found
