"""Names that are put together of whatever a name may hold, so that no list of them ends."""

from __future__ import annotations

from omnicloud_tck.programs.chances import Chance

__all__ = ["any_name"]

_SIGNS = tuple("/\\.%:'\",-_*?[]{}()<>#&=+~@!$|;^`")
_PIECES = (
    *("a", "b", "A", "Z", "1", "0", "-1", "1e3", "0.5", "null", "true", "NaN", "None", "id"),
    *(" ", "\t", "\n", "\r\n", "\0", "\x7f", "é", "e\u0301", "ß", "\u212a", "\U0001f980", "\u200b"),
    *("//", "..", "/../", "/./", "::", "%2F", "%00", "&amp;", "{0}", "${a}", "--", "''", '\\"'),
)
_LONG = ("x" * 33, "y" * 70, "é" * 70, "z" * 256, "w" * 300)
"""Short enough for a long beginning before it."""


def any_name(chance: Chance) -> str:
    """A name of one to twelve pieces: letters, signs, words, sometimes a long run."""
    pieces = [
        chance.choice(_SIGNS if chance.random() < 0.6 else _PIECES)
        for _ in range(chance.choice((1, 3, 5, 8, 12)))
    ]
    if chance.random() < 0.15:
        pieces.insert(chance.randint(0, len(pieces)), chance.choice(_LONG))
    return "".join(pieces)
