"""Findings about libraries of locks."""

from __future__ import annotations

from .model import Finding, Kind, laws

__all__ = ["LOCKS"]

_ENDS = laws("LO", 2, 3, 4, 20, 21, 121)

LOCKS: tuple[Finding, ...] = (
    Finding(
        ("redis-lock",),
        ("G-068", *laws("LO", 22, 90, 110, 140)),
        Kind.ASKS_MORE,
        "Repeated with the same token, an acquisition is refused.",
        "redis_lock_refuses_its_holder",
    ),
    Finding(
        ("filelock",),
        _ENDS,
        Kind.ASKS_MORE,
        "A lock of the operating system has no time to live.",
        "filelock_has_no_time_to_live",
    ),
    Finding(
        ("filelock",),
        laws("LO", 90, 140),
        Kind.ASKS_MORE,
        "A lock is its object's: no other object can prolong it or give it back.",
        "filelock_locks_are_their_objects",
    ),
)
