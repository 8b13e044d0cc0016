"""Randomness of one program: few names that are much alike, few payloads, odd times."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud_tck.samples import DRAWN_PAYLOADS

__all__ = [
    "ALIKE",
    "FAMILIES",
    "Chance",
    "Draw",
    "Verb",
    "name",
    "names",
    "odd",
    "of",
    "one_of",
    "payload",
]

T = TypeVar("T")

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("a", "ab", "a/b", "a/"),
    ("a", "A", "b", "B"),
    ("/a", "a", "//a", "/"),
    ("a/b/c", "a/b/d", "a/e", "a/b"),
    ("a//b", "a/b", "a/./b", "a/../b"),
    ("../a", "a", "..", "."),
    ("é", "e\u0301", "e", "É"),
    ("ß", "ss", "SS", "ẞ"),
    ("ﬁ", "fi", "ﬁn", "fin"),
    ("\uf8ff", "\uffee", "\U0001f980", "\U0001f980a"),
    ("%", "_", "*", "a"),
    ("a%b", "a_b", "a*b", "aXb"),
    ("%2e", ".", "%252e", "%2E"),
    ("a?b", "a[b]", "ab", "a#b"),
    (" ", "a ", " a", "a"),
    ("a\n", "a", "a\r\n", "a\t"),
    ("a\0b", "a", "a\0", "b"),
    ("a:b", "a::b", "a:", "a"),
    ("a.b", "a", "a.", ".a"),
    ("a\\b", "a/b", "a\\", "a"),
    ("1", "01", "1.0", "10"),
    ("null", "None", "0", "false"),
    ("~", "~a", "~~a", "a~"),
    ("x" * 254, "x" * 255, "x" * 256, "x" * 300),
    ("y" * 700 + "1", "y" * 700 + "2", "y" * 900, "y"),
    ("Ⅷ", "VIII", "\u212a", "K"),
    ("__proto__", "constructor", "length", "keys"),
    ("plumless", "buckeroo", "AaBB", "BBAa"),
    ("{a}", "a", "{a}b", "{b}a"),
    ("a+b", "a b", "a&b", "a=b"),
    ("'a", "(a);--", '"<a>"', "`a`|a@!^"),
    ("meta", "index", "data", "tmp"),
    ("\u200ba", "a", "\ufeffa", "a\u200d"),
)
"""Names that a fold, a cut, a join, an escape or a pattern makes one."""

ALIKE: tuple[tuple[str, str], ...] = (
    *(("acme", "ACME"), ("acme", "acme2"), ("a", "a/b"), ("a", "a "), ("é", "e\u0301")),
    *(("fi", "\ufb01"), ("a-b", "a_b"), ("a/b", "a%2Fb"), ("a:b", "a::b"), ("..", ".")),
    *(("a.b", "a"), ("*", "a"), ("%", "a"), ("t" * 64 + "1", "t" * 64 + "2"), ("~a", "a")),
    *(("straße", "strasse"), ("\u212a", "K"), ("a\0b", "a"), ("1", "01"), ("a b", "a+b")),
    *(("plumless", "buckeroo"), ("AaBB", "BBAa"), ("t" * 8 + "1", "t" * 8 + "2")),
)
"""Tenants of which a fold, a cut, an escape or a hash makes one."""

_NUMBERS = (b"0", b"7", b"-3", b"41", b"9007199254740993", b"9223372036854775800")
_TEXTS = (
    *(b"", b"\0", b"a\0", b" text ", b"a\r\nb", b"\xff\xfe", b"null", b"None", b"{}", b'"a"'),
    *("\ufeffé".encode(), "e\u0301".encode(), b"\xed\xa0\x80", b"[1]", b"true", b"0.5", b"1e3"),
    *(b" 5", b"5 ", b"+5", b"5\n", b"1_000", b"0x1f", "\u0665".encode(), b"-", b"--1"),
    *(b"9223372036854775808", b"-9223372036854775809", b"a" * 300, b"\x1f\x8b\x08\0", b"%41"),
)
_ANY_PAYLOAD = 0.3
_LONG = (1023, 1024, 1025, 4095, 4096, 4097, 65_535, 65_536, 65_537)
_LONGEST = ((1 << 20) - 1, 1 << 20)


class Chance(random.Random):
    """Seeded randomness with the few names and payloads of one program.

    Attributes:
        names: What names end with.
        payloads: Values and contents; some are numbers, some tell themselves apart.
        canaries: Those that nobody may tell.
        virtual: Whether time may pass.
        kept: What a contract's draws chose for the program.
        seam: What a careless join puts between the two parts of a name; ``None`` in most programs.
    """

    def __init__(self, seed: str, *, virtual: bool = True) -> None:
        super().__init__(seed)
        self.virtual = virtual
        self.names: list[str] = []
        self.payloads: list[bytes] = []
        self.canaries: list[bytes] = []
        self.kept: dict[str, Any] = {}
        self.seam: str | None = None

    def some(self, most: int = 4) -> list[str]:
        """Some of the names, or none."""
        least = 0 if self.random() < 0.1 else 1
        return self.sample(self.names, self.randint(least, min(most, len(self.names))))

    def prefix(self) -> str:
        """The beginning of a name, often none of it."""
        name: str = self.choice(self.names)
        return name[: self.choice((0, 0, 1, 2, len(name)))]

    def likely(self, *weighted: tuple[float, T]) -> T:
        """One of these, by its weight."""
        return self.choices([one for _, one in weighted], [weight for weight, _ in weighted])[0]


def odd(seed: str, largest: int, *, virtual: bool) -> Chance:
    """A chance with names of two families, and payloads up to so many bytes."""
    chance = Chance(seed, virtual=virtual)
    family = list(chance.choice(FAMILIES))
    chance.names = chance.sample(family, min(len(family), chance.choice((1, 2, 3, 4))))
    chance.names += [name for name in chance.choice(FAMILIES)[:2] if name not in chance.names]
    chance.canaries = [b"cnry%08x" % chance.getrandbits(32) for _ in range(2)]
    chance.payloads = [*chance.sample(_NUMBERS, 2), *chance.sample(_TEXTS, 2), *chance.canaries]
    if chance.random() < 0.4:
        size = chance.choice(_LONG if chance.random() < 0.85 else _LONGEST)
        chance.payloads.append((b"%d-" % size * size)[: min(size, largest)])
    return chance


Draw = Callable[[Chance], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A kind of call: how often it is drawn, with what, and what it needs."""

    weight: float
    draw: Draw
    needs: frozenset[Feature] = NO_FEATURES


def of(*draws: Callable[[Chance], Any]) -> Draw:
    """Each of these."""
    return lambda chance: tuple(draw(chance) for draw in draws)


def one_of(*choices: Any) -> Callable[[Chance], Any]:
    """One of these values."""
    return lambda chance: chance.choice(choices)


def name(chance: Chance) -> str:
    """One of the program's names."""
    return chance.choice(chance.names)


def names(chance: Chance) -> tuple[str, ...]:
    """Some of the program's names, or none."""
    return tuple(chance.some())


def payload(chance: Chance) -> bytes:
    """One of the program's payloads, or any."""
    if chance.random() < _ANY_PAYLOAD:
        return chance.choice(DRAWN_PAYLOADS if chance.random() < 0.5 else _TEXTS)
    return chance.choice(chance.payloads)
