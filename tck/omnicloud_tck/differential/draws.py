"""Randomness that gives one list few names and payloads, out of many odd ones."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from omnicloud_tck.seams import SEAMS, USUAL_SEAMS

__all__ = ["Chance", "flag", "name", "names", "payload", "prefix"]

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


class Chance(random.Random):
    """Seeded randomness with the few names and payloads of one list.

    Attributes:
        names: What names end with; the first two are much alike.
        payloads: Values and contents.
        kept: What a contract's draws chose for the list.
    """

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        some = dict.fromkeys((*self.choice(_ALIKE), *self.sample(_NAMES, _FEW)))
        self.names = list(some)[:_FEW]
        self.kept: dict[str, Any] = {}
        self.payloads = [self.choice(_NUMBERS), *self.sample(_PAYLOADS, _FEW)]
        spelt = hashlib.sha256("\n".join(self.names).encode()).hexdigest()
        self._told = int(spelt[-8:], 16)
        if self._told % _SELDOM == 1:
            self.payloads[-1] = f"cnry-{spelt[:10]}".encode()

    @property
    def seam(self) -> str | None:
        """What a careless join puts between the two parts of a name; ``None`` in most lists.

        It follows from the names, so that all else is drawn as it is without it.
        """
        usual, which = divmod(self._told // _SELDOM, len(SEAMS))
        seam = USUAL_SEAMS[which % len(USUAL_SEAMS)] if usual % 2 else SEAMS[which]
        return None if self._told % _SELDOM else seam


def name(chance: Chance) -> str:
    """One of the list's names."""
    return chance.choice(chance.names)


def names(chance: Chance) -> list[str]:
    """Some of the list's names, or none."""
    return chance.sample(chance.names, chance.randint(0, _FEW))


def prefix(chance: Chance) -> str:
    """The beginning of one of the list's names."""
    some: str = chance.choice(chance.names)
    return some[: chance.randint(0, 2)]


def payload(chance: Chance) -> bytes:
    """One of the list's payloads."""
    return chance.choice(chance.payloads)


def flag(chance: random.Random) -> Any:
    """Yes or no."""
    return chance.random() < 0.5
