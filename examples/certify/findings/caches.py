"""Findings about libraries of caches and of stores of keys."""

from __future__ import annotations

from .model import Finding, Kind, laws

__all__ = ["CACHES"]

_CASHEWS = ("cashews-memory", "cashews-disk")

CACHES: tuple[Finding, ...] = (
    Finding(
        ("key-value-memory",),
        ("KV-020",),
        Kind.FAULT,
        "Expired entries are never freed: `keys` lists them, `delete` says one was there.",
        "key_value_memory_keeps_the_expired",
    ),
    Finding(
        ("aiocache",),
        (),
        Kind.FAULT,
        "A timer of before `clear` deletes what is written under its key afterwards.",
        "aiocache_clear_leaves_timers",
    ),
    Finding(
        ("aiocache",),
        laws("CA", 10, 120, 123, 140, 141, 142, 143),
        Kind.ASKS_MORE,
        "How long an entry has to live cannot be asked.",
        "aiocache_time_left_untold",
    ),
    Finding(
        ("aiocache", *_CASHEWS),
        ("CA-022",),
        Kind.ASKS_MORE,
        "Clearing goes by a prefix or a pattern, and takes all that begins so.",
        "caches_clear_by_prefix_alone",
    ),
    Finding(
        _CASHEWS,
        laws("CA", 12, 124, 140, 141, 142, 143),
        Kind.FAULT,
        "A value set without a time to live takes over the end of the one before.",
        "cashews_set_keeps_the_old_end",
    ),
    Finding(
        ("cashews-memory",),
        laws("CA", 20, 90, 120, 123, 124, 126, 131, 140, 142, 143),
        Kind.FAULT,
        "`expire` makes a value of bytes unreadable.",
        "cashews_expire_loses_the_value",
    ),
    Finding(
        _CASHEWS,
        laws("CA", 21, 140, 141, 142, 143),
        Kind.FAULT,
        "`delete_match` reads every sign of a pattern as one of a regular expression.",
        "cashews_patterns_are_regular_expressions",
    ),
    Finding(
        _CASHEWS,
        ("CA-010",),
        Kind.ASKS_MORE,
        "The time left is told in whole seconds.",
        "cashews_time_left_in_whole_seconds",
    ),
    Finding(
        ("cashews-memory",),
        ("CA-016",),
        Kind.KIT,
        "Expired entries are swept once a second, and the law waits for no longer than that.",
    ),
    Finding(
        ("cashews-disk",),
        ("G-061", "CA-142"),
        Kind.ASKS_MORE,
        "A cancelled write goes on, and can undo a newer one that was acknowledged.",
        "cashews_cancelled_writes_land_later",
    ),
)
