"""What broken laws come down to: whose each is, and the script that shows it."""

from __future__ import annotations

from .breakers import BREAKERS
from .caches import CACHES
from .iam import IAM
from .locks import LOCKS
from .messaging import MESSAGING
from .model import SHOWS, Finding, Kind
from .objects import OBJECTS

__all__ = ["FINDINGS", "SHOWS", "Finding", "Kind", "explained"]

FINDINGS: tuple[Finding, ...] = (*CACHES, *BREAKERS, *OBJECTS, *LOCKS, *MESSAGING, *IAM)


def explained(subject: str, law: str) -> list[Finding]:
    """What is known about a law that a library broke."""
    return [one for one in FINDINGS if subject in one.subjects and law in one.laws]
