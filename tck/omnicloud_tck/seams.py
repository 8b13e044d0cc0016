"""Names in two parts, as a topic and a group, of which a careless join makes one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["SEAMS", "USUAL_SEAMS", "Pair", "pairs"]

SEAMS = (":", "/", ".", "", "::", "//", "-", "_", "#", "@", "|", ",", ";", " ", "\0", "\x1f", "->")
"""What stands between the parts of a name that is made of several."""

USUAL_SEAMS = SEAMS[:4]
"""Those that are seen most."""


class Pair(NamedTuple):
    """A name within another: a group of a topic, say."""

    outer: str
    inner: str


def pairs(*, every: bool) -> Iterator[tuple[Pair, Pair]]:
    """Two at a time that are one when they are joined, the outer or the inner part first.

    Args:
        every: With every seam, not the usual ones alone.
    """
    for number, seam in enumerate(SEAMS if every else USUAL_SEAMS):
        one, two = f"n{number}", f"m{number}"
        yield Pair(one, f"x{seam}y"), Pair(f"{one}{seam}x", "y")
        yield Pair(f"x{seam}{two}", "z"), Pair(two, f"z{seam}x")
