"""cache read plainly: entries with an end, and claims of those who load missing ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch, Unclaim
from omnicloud.contracts.cache.models import Cached, CacheLimits
from omnicloud_tck.check import equal
from omnicloud_tck.programs.lives import Life, alive, check_left, life_of
from omnicloud_tck.programs.model import NO_ANSWER, Span

__all__ = ["CacheModel", "CacheState", "Held"]


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept under a key, a value or who claims it, and until when."""

    value: bytes | str
    life: Life | None


@dataclass(frozen=True, slots=True)
class CacheState:
    """One tenant's entries and claims, also those that have ended.

    Attributes:
        seen: Keys of which anything was asked.
        asked: Those that were claimed.
    """

    rows: Mapping[str, Held]
    claims: Mapping[str, Held]
    seen: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()

    def live(self, key: str, span: Span) -> Held | None:
        """The entry of a key, if it has not ended."""
        row = self.rows.get(key)
        return row if row is not None and alive(row.life, span) else None

    def claim(self, key: str, span: Span) -> Held | None:
        """The claim of a key, if it still stands."""
        held = self.claims.get(key)
        return held if held is not None and alive(held.life, span) else None

    def unclaimed(self, key: str) -> CacheState:
        """The state without a claim of a key."""
        return replace(self, claims={name: one for name, one in self.claims.items() if name != key})

    def without(self, key: str) -> CacheState:
        """The state after an entry was evicted, which leaves its claim."""
        return replace(self, rows={name: row for name, row in self.rows.items() if name != key})

    def wrote(self, key: str, row: Held | None) -> CacheState:
        """The state after a key was written, or deleted, which voids its claim."""
        rows = dict(self.rows)
        rows.pop(key, None)
        if row is not None:
            rows[key] = row
        return replace(self.unclaimed(key), rows=rows, seen=self.seen | {key})


class CacheModel:
    """What each request may answer, and what it leaves.

    Over the bounds that a cache declares it may evict what it likes: from then on any entry may
    be gone. What is kept between programs counts, and so do writes of what is there.
    """

    def __init__(self, limits: CacheLimits) -> None:
        self._limits = limits
        self._entries = self._bytes = 0

    def sends(self, value: bytes) -> None:
        """Count an entry that may be written now."""
        self._entries += 1
        self._bytes += len(value)

    @property
    def evicts(self) -> bool:
        """Whether more was written than the cache says that it keeps."""
        entries, size = self._limits.max_entries, self._limits.max_bytes
        many = entries is not None and self._entries > entries
        return many or (size is not None and self._bytes > size)

    def empty(self) -> CacheState:
        return CacheState({}, {})

    def after(self, state: CacheState, op: Any, answer: object, span: Span) -> CacheState:
        verb: Callable[..., CacheState] = _VERBS[type(op)]
        if self.evicts and type(op) in _GONE and answer is _GONE[type(op)]:
            state = state.without(op.key)
        return verb(state, op, answer, span)

    def halfway(self, state: CacheState, op: Any, span: Span) -> Iterator[CacheState]:
        yield state
        if not isinstance(op, Get):
            yield self.after(state, op, NO_ANSWER, span)


def _answered(expected: object, answer: object, about: str) -> None:
    if answer is not NO_ANSWER:
        equal(expected, answer, about)


def _get(state: CacheState, op: Get, answer: object, span: Span) -> CacheState:
    row, about = state.live(op.key, span), f"get {op.key!r}"
    if row is None or not isinstance(answer, Cached):
        equal(row and row.value, answer, about)
        return state
    equal(row.value, answer.value, about)
    check_left(row.life, answer.expires_in, span, about)
    return state


def _set(state: CacheState, op: Set, answer: object, span: Span) -> CacheState:
    _answered(None, answer, f"set {op.key!r}")
    return state.wrote(op.key, Held(op.value, life_of(op.ttl, span)))


def _delete(state: CacheState, op: Delete, answer: object, _: Span) -> CacheState:
    _answered(None, answer, f"delete {op.key!r}")
    return state.wrote(op.key, None)


def _touch(state: CacheState, op: Touch, answer: object, span: Span) -> CacheState:
    row = state.live(op.key, span)
    _answered(row is not None, answer, f"touch {op.key!r}")
    if row is None:
        return state
    return replace(state, rows={**state.rows, op.key: Held(row.value, life_of(op.ttl, span))})


def _clear(state: CacheState, op: Clear, answer: object, _: Span) -> CacheState:
    _answered(None, answer, f"clear {op.prefix!r}")
    return replace(
        state,
        rows={key: row for key, row in state.rows.items() if not key.startswith(op.prefix)},
        claims={key: one for key, one in state.claims.items() if not key.startswith(op.prefix)},
    )


def _claim(state: CacheState, op: Claim, answer: object, span: Span) -> CacheState:
    held = state.claim(op.key, span)
    free = held is None or held.value == op.owner
    _answered(free, answer, f"claim of {op.key!r} by {op.owner}")
    state = replace(state, asked=state.asked | {op.key}, seen=state.seen | {op.key})
    if not free:
        return state
    return replace(
        state, claims={**state.claims, op.key: Held(op.owner, life_of(op.seconds, span))}
    )


def _fill(state: CacheState, op: Fill, answer: object, span: Span) -> CacheState:
    held = state.claim(op.key, span)
    stands = held is not None and held.value == op.owner
    _answered(stands, answer, f"fill of {op.key!r} by {op.owner}")
    return state.wrote(op.key, Held(op.value, life_of(op.ttl, span))) if stands else state


def _unclaim(state: CacheState, op: Unclaim, answer: object, span: Span) -> CacheState:
    _answered(None, answer, f"unclaim of {op.key!r} by {op.owner}")
    held = state.claim(op.key, span)
    return state.unclaimed(op.key) if held is not None and held.value == op.owner else state


_GONE: dict[type, object] = {Get: None, Touch: False}
"""What is answered where there is no entry."""

_VERBS: dict[type, Callable[..., CacheState]] = {
    Get: _get,
    Set: _set,
    Delete: _delete,
    Touch: _touch,
    Clear: _clear,
    Claim: _claim,
    Fill: _fill,
    Unclaim: _unclaim,
}
