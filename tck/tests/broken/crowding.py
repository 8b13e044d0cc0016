"""What tells a broken driver how many calls there are, and how many there were of a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

__all__ = ["Asked", "asked_of"]


class Asked:
    """What one store was asked.

    Attributes:
        now: How many calls it answers now.
        times: How often it was asked about each name.
    """

    def __init__(self) -> None:
        self.now = 0
        self.times: Counter[str] = Counter()

    @contextmanager
    def about(self, *names: str) -> Iterator[None]:
        """A call about some names."""
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1
            self.times.update(names)


_ASKED: WeakKeyDictionary[object, Asked] = WeakKeyDictionary()


def asked_of(store: object) -> Asked:
    """What a store was asked, by all its clients."""
    return _ASKED.setdefault(store, Asked())
