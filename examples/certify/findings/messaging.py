"""Findings about libraries of queues."""

from __future__ import annotations

from .model import Finding, Kind, laws

__all__ = ["MESSAGING"]

_BACK = laws("MS", 10, 13, 30, 31, 32, 33, 39, 125, 126, 127, 160, 162, 169, 196, 200)
_COUNTED = laws("MS", 11, 156)
_EXTENDED = laws("MS", 152, 180, 186, 190, 191, 194)
_LEASES = (*_BACK, *_COUNTED, *_EXTENDED)
_TOLD = laws("MS", 168, 195)

MESSAGING: tuple[Finding, ...] = (
    Finding(
        ("litequeue",),
        _LEASES,
        Kind.ASKS_MORE,
        "There are no leases, no counted attempts, no reasons, and no delay before the next one.",
        "litequeue_has_no_leases_or_attempts",
    ),
    Finding(
        ("litequeue",),
        laws("MS", 110, 127),
        Kind.FAULT,
        "A receipt is good for ever: a late `retry` takes the message from who holds it now.",
        "litequeue_retry_takes_from_the_holder",
    ),
    Finding(
        ("litequeue",),
        _TOLD,
        Kind.ASKS_MORE,
        "It is not said whether there was anything to finish, to give back or to give up.",
        "litequeue_says_not_what_was_settled",
    ),
    Finding(
        ("persist-queue",),
        _LEASES,
        Kind.ASKS_MORE,
        "There are no leases, no counted attempts, no reasons, and no delay before the next one.",
        "persistqueue_has_no_leases_or_attempts",
    ),
    Finding(
        ("persist-queue",),
        laws("MS", 110, 127),
        Kind.FAULT,
        "A receipt is good for ever: a late `nack` takes the item from who holds it now.",
        "persistqueue_nack_takes_from_the_holder",
    ),
    Finding(
        ("persist-queue",),
        _TOLD,
        Kind.ASKS_MORE,
        "It is not said whether there was anything to finish, to give back or to give up.",
        "persistqueue_says_not_what_was_settled",
    ),
    Finding(
        ("persist-queue",),
        ("G-043",),
        Kind.KIT,
        "A queue is an object with open files, and the law counts those of topics that are new.",
    ),
)
