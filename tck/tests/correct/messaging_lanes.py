"""What a right messaging driver keeps of a topic: lanes of keys, mixed where no order is asked."""

from __future__ import annotations

import math
import random
import secrets
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from omnicloud.contracts.messaging.models import Outgoing

__all__ = ["REMEMBERED", "RETENTION", "Dead", "Group", "Item", "Letter", "Topic"]

RETENTION, REMEMBERED = 1800.0, 300.0
_ODD = "\0/\"'%~é\u2028\U0001f98a "


@dataclass(frozen=True, slots=True)
class Letter:
    """A message at its place; one that is redriven has its old origin and another place."""

    message: Outgoing
    place: int
    origin: int
    stamp: float


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter of a group."""

    number: int
    group: str
    letter: Letter
    reason: str
    attempts: int
    stamp: float


@dataclass(slots=True)
class Item:
    """A letter before a group: ready, lent where there is a receipt, or waiting."""

    letter: Letter
    attempt: int = 0
    receipt: str | None = None
    until: float = -math.inf

    def is_ready(self) -> bool:
        """Whether nothing holds it back but its key."""
        return self.until == -math.inf

    def come_back(self) -> None:
        """Be ready again."""
        self.receipt, self.until = None, -math.inf


@dataclass(slots=True)
class Group:
    """The letters before a group, by their places, and its dead ones."""

    name: str
    items: dict[int, Item] = field(default_factory=dict)
    dead: list[Dead] = field(default_factory=list)
    _origins: Counter[int] = field(default_factory=Counter)

    def add(self, letter: Letter) -> None:
        """Put a letter at its place."""
        is_last = not self.items or next(reversed(self.items)) < letter.place
        self.items[letter.place] = Item(letter)
        self._origins[letter.origin] += 1
        if not is_last:
            self.items = dict(sorted(self.items.items()))

    def has(self, letter: Letter) -> bool:
        """Whether it is before the group, at this place or another."""
        return self._origins[letter.origin] > 0

    def settle(self, item: Item) -> None:
        """Be done with it."""
        del self.items[item.letter.place]
        self._origins[item.letter.origin] -= 1

    def tick(self, now: float) -> None:
        """End what is over."""
        for item in self.items.values():
            if item.until <= now:
                item.come_back()

    def next_moment(self) -> float:
        """When a lease or a pause ends."""
        away = (item.until for item in self.items.values() if not item.is_ready())
        return min(away, default=math.inf)

    def lend(self, most: int, until: float, chance: random.Random) -> list[Item]:
        """Lend some, of each key the oldest, in any order."""
        free = list(self._free())
        chance.shuffle(free)
        for item in free[:most]:
            item.attempt += 1
            item.until, item.receipt = until, _receipt()
        return free[:most]

    def _free(self) -> Iterator[Item]:
        seen: set[str] = set()
        for item in self.items.values():
            key = item.letter.message.key
            if item.is_ready() and key not in seen:
                yield item
            if key is not None:
                seen.add(key)

    def lent(self, receipt: str) -> Item | None:
        """What has that receipt."""
        return next((one for one in self.items.values() if one.receipt == receipt), None)

    def counts(self) -> tuple[int, int, int]:
        """Ready, lent and waiting."""
        ready = sum(item.is_ready() for item in self.items.values())
        lent = sum(item.receipt is not None for item in self.items.values())
        return ready, lent, len(self.items) - ready - lent


class Topic:
    """Groups, what is scheduled, and what is retained."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self.scheduled: list[tuple[float, int, Outgoing, float]] = []
        self._log: deque[tuple[float, Letter]] = deque()
        self._known: dict[str, float] = {}
        self._numbers = count(1)

    def knows(self, message_id: str, now: float) -> bool:
        """Whether an id was published lately."""
        return self._known.get(message_id, -math.inf) > now

    def remember(self, message_id: str, until: float) -> None:
        """Know an id."""
        self._known[message_id] = until

    def publish(self, message: Outgoing, at: float, stamp: float) -> None:
        """Give a message to all groups."""
        place = next(self._numbers)
        letter = Letter(message, place, place, stamp)
        self._log.append((at + RETENTION, letter))
        for group in self.groups.values():
            group.add(letter)

    def schedule(self, message: Outgoing, due: float, stamp: float) -> None:
        """Publish it when it is due."""
        self.scheduled.append((due, next(self._numbers), message, stamp))
        self.scheduled.sort(key=lambda one: one[:2])

    def retained(self) -> list[Letter]:
        """What was published lately, in order."""
        return [letter for _, letter in self._log]

    def group(self, name: str) -> Group:
        """The group, made where it is not there."""
        if name not in self.groups:
            self.groups[name] = Group(name)
            for letter in self.retained():
                self.groups[name].add(letter)
        return self.groups[name]

    def letters(self, name: str | None) -> list[Dead]:
        """Dead letters of one group, or of all, oldest death first."""
        chosen = [group for group in self.groups.values() if name in (None, group.name)]
        return sorted((one for group in chosen for one in group.dead), key=lambda one: one.number)

    def die(self, group: Group, item: Item, reason: str, stamp: float) -> None:
        """Make a letter a dead one."""
        group.settle(item)
        number = next(self._numbers)
        group.dead.append(Dead(number, group.name, item.letter, reason, item.attempt, stamp))

    def redrive(self, dead: Dead) -> None:
        """Put a dead letter behind all that waits."""
        group = self.groups[dead.group]
        group.dead.remove(dead)
        group.add(replace(dead.letter, place=next(self._numbers)))

    def tick(self, now: float) -> None:
        """Come to this moment."""
        while self.scheduled and self.scheduled[0][0] <= now:
            due, _, message, stamp = self.scheduled.pop(0)
            self.publish(message, due, stamp)
        for group in self.groups.values():
            group.tick(now)
        while self._log and self._log[0][0] <= now:
            self._log.popleft()

    def next_moment(self, group: Group) -> float:
        """When something changes for a group by itself."""
        due = self.scheduled[0][0] if self.scheduled else math.inf
        return min(due, group.next_moment())


def _receipt() -> str:
    """Sixty characters of which the first are random beyond guessing."""
    return secrets.token_hex(16) + "".join(secrets.choice(_ODD) for _ in range(28))
