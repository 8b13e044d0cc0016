"""Randomness that gives one list few names and payloads, out of many odd ones."""

from __future__ import annotations

import hashlib

from omnicloud_tck.programs.chances import Chance
from omnicloud_tck.seams import SEAMS, USUAL_SEAMS

__all__ = ["few", "flag", "payload", "prefix"]

_FEW = 4
_SELDOM = 3
_NUMBERS = (b"0", b"7", b"-3")
_NAMES = (
    *("a", "A", "b", "ab", "", "a/b", "a//b", "a/../b", "a/", "a.b", "a:b", "a\\b", "a\0b", "../a"),
    *(
        "%",
        "_",
        "a%b",
        "a_b",
        "%2e",
        "*",
        "a?[b]",
        " ",
        "a ",
        " a",
        "a\n",
        "é",
        "e\u0301",
        "ß",
        "ss",
    ),
    *("\uffee", "\U0001f980", "null", "a" * 300, "a" * 299 + "b", "~", "sops"),
)
_ALIKE = (
    *(("a", "A"), ("a", "ab"), ("a", "a/b"), ("a", "a "), ("é", "e\u0301"), ("ß", "ss")),
    *(("fi", "\ufb01"), ("a-b", "a_b"), ("a/b", "a%2Fb"), ("a:b", "a::b"), ("..", ".")),
    *(("a.b", "a"), ("*", "a"), ("%", "a"), ("x" * 255 + "1", "x" * 255 + "2"), ("~a", "a")),
    *(("a\0b", "a"), ("1", "01"), ("a b", "a+b"), ("plumless", "buckeroo"), ("AaBB", "BBAa")),
    *(("a//b", "a/b"), ("a/../b", "b"), ("\u212a", "K"), ("a\n", "a"), ("a%b", "axb")),
    *(("\uffee", "\U0001f980"), ("i", "\u0131"), ("a\\b", "a/b"), ("null", "None")),
)
"""Names of which a fold, a cut, an escape, a pattern or a hash makes one."""
_PAYLOADS = (
    *(b"", b"text", b" text ", b"a\r\nb", b"\0\xff", b"a\0b", b"null", b"None"),
    *("\ufefftext".encode(), "é".encode(), "e\u0301".encode(), "\U0001f980".encode(), b"{}", b'"'),
    *(b" 5", b"1_000", b"+1", b"0.5", b"\xed\xa0\x80", b"x" * 300, b"9223372036854775805"),
    *(b"-9223372036854775806", b"y" * 65_536, b"z" * 70_000),
)


def few(seed: str) -> Chance:
    """A chance with few names, of which two are much alike, and few payloads."""
    chance = Chance(seed)
    some = dict.fromkeys((*chance.choice(_ALIKE), *chance.sample(_NAMES, _FEW)))
    chance.names = list(some)[:_FEW]
    chance.payloads = [chance.choice(_NUMBERS), *chance.sample(_PAYLOADS, _FEW)]
    # What follows comes of the names, so that all else is drawn as it is without it.
    spelt = hashlib.sha256("\n".join(chance.names).encode()).hexdigest()
    told = int(spelt[-8:], 16)
    if told % _SELDOM == 1:
        chance.payloads[-1] = f"cnry-{spelt[:10]}".encode()
    if told % _SELDOM == 0:
        usual, which = divmod(told // _SELDOM, len(SEAMS))
        chance.seam = USUAL_SEAMS[which % len(USUAL_SEAMS)] if usual % 2 else SEAMS[which]
    return chance


def prefix(chance: Chance) -> str:
    """The beginning of one of the list's names."""
    some: str = chance.choice(chance.names)
    return some[: chance.randint(0, 2)]


def payload(chance: Chance) -> bytes:
    """One of the list's payloads."""
    return chance.choice(chance.payloads)


def flag(chance: Chance) -> bool:
    """Yes or no."""
    return chance.random() < 0.5
