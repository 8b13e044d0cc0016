"""What a cache in memory holds: the decisions, without a loop and without a clock.

The least recently used entry is evicted first. Expired entries are freed with the next call
of any kind, whatever it is about.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from omnicloud.contracts.cache.models import CacheLimits

__all__ = ["Entry", "Shelf"]

_SLACK = 64


class Entry(NamedTuple):
    """A value, and the moment at which it ends; ``None`` is never."""

    value: bytes
    deadline: float | None


class _ClaimOf(NamedTuple):
    owner: str
    until: float


class Shelf:
    """Entries by key, and the claims of those who load missing ones."""

    def __init__(self, limits: CacheLimits) -> None:
        self._limits = limits
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0
        self._claims: dict[str, _ClaimOf] = {}
        self._ends: list[tuple[float, str]] = []

    def __len__(self) -> int:
        """Entries and claims that are kept."""
        return len(self._entries) + len(self._claims)

    def get(self, key: str) -> Entry | None:
        """The entry of a key, which is now the last to be evicted."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Write an entry, void the claim of its key, and evict what is too much."""
        self.drop(key)
        self._entries[key] = entry
        self._bytes += len(entry.value)
        if entry.deadline is not None:
            self._note_end(entry.deadline, key)
        while self._is_too_much():
            self._remove(next(iter(self._entries)))

    def prolong(self, key: str, deadline: float | None) -> bool:
        """Let an entry end at another moment; whether there is one. Leaves claims alone."""
        entry = self.get(key)
        if entry is None:
            return False
        self._entries[key] = Entry(entry.value, deadline)
        if deadline is not None:
            self._note_end(deadline, key)
        return True

    def drop(self, key: str) -> None:
        """Remove an entry and void the claim of its key."""
        self._claims.pop(key, None)
        self._remove(key)

    def drop_all(self, covers: Callable[[str], bool]) -> None:
        """Remove the entries and void the claims of the keys that are covered."""
        for key in [key for key in (*self._entries, *self._claims) if covers(key)]:
            self.drop(key)

    def claim(self, key: str, owner: str, now: float, seconds: float) -> bool:
        """Claim a key unless another's claim stands."""
        held = self._claims.get(key)
        if held is not None and held.owner != owner:
            return False
        self._claims[key] = _ClaimOf(owner, now + seconds)
        self._note_end(now + seconds, key)
        return True

    def unclaim(self, key: str, owner: str) -> bool:
        """End the owner's claim; whether it stood."""
        held = self._claims.get(key)
        if held is None or held.owner != owner:
            return False
        del self._claims[key]
        return True

    def expire(self, now: float) -> None:
        """Free what has ended."""
        while self._ends and self._ends[0][0] <= now:
            _, key = heapq.heappop(self._ends)
            entry, held = self._entries.get(key), self._claims.get(key)
            # The key may have been written or claimed again since.
            if entry is not None and entry.deadline is not None and entry.deadline <= now:
                self._remove(key)
            if held is not None and held.until <= now:
                del self._claims[key]

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.value)

    def _is_too_much(self) -> bool:
        entries, size = self._limits.max_entries, self._limits.max_bytes
        return (entries is not None and len(self._entries) > entries) or (
            size is not None and self._bytes > size
        )

    def _note_end(self, end: float, key: str) -> None:
        heapq.heappush(self._ends, (end, key))
        if len(self._ends) > 2 * len(self) + _SLACK:
            ends = [(e.deadline, key) for key, e in self._entries.items() if e.deadline is not None]
            self._ends = ends + [(held.until, key) for key, held in self._claims.items()]
            heapq.heapify(self._ends)
