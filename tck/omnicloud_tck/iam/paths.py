"""The laws of iam about resources and actions that are written as paths."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

from omnicloud_tck.check import equal
from omnicloud_tck.iam.rules import ALICE, READ, IAMLaws, asked, rule
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["PathRules"]

_SEPARATORS = ("/", ":", ".", "::", "//", "#", "?", "=", ",", "-", "~", "@")
_ENDS = ("", "a", "a/b", "/", "users/7", ":b", "*")


class PathRules(IAMLaws):
    """A pattern without a star is one text, whatever letters it ends or begins with."""

    @law(
        "IAM-067",
        "A separator in a pattern is a letter: what ends or begins with one stands for itself.",
        rung=Rung.TRUST,
    )
    async def separators_are_letters(self, world: World[Any]) -> None:
        for mark in _SEPARATORS:
            for own in (mark, f"doc{mark}", f"{mark}doc", f"doc{mark}b"):
                allows = [rule("Allow", resource=own), rule("Allow", action=own, resource="act")]
                iam = await self.portable(world, allows)
                others = {f"{own}{end}" for end in _ENDS} | {f"{end}{own}" for end in _ENDS}
                others |= {own.replace(mark, ""), own + mark, own[:-1]} - {""}
                cases = {(ALICE, READ, other): other == own for other in others}
                actions = {(ALICE, other, "act"): other == own for other in others}
                await asked(iam, {**cases, **actions})

    @law(
        "IAM-072",
        "What is asked about is the text that is asked: no path is resolved, no escape decoded.",
        rung=Rung.TRUST,
    )
    async def nothing_is_resolved(self, world: World[Any]) -> None:
        for own, others in _RESOLVED.items():
            allows = [rule("Allow", resource=own), rule("Allow", action=own, resource="act")]
            allows.append(rule("Allow", principal=own, resource="by principal"))
            iam = await self.portable(world, allows)
            await asked(iam, {(ALICE, READ, other): False for other in others})
            await asked(iam, {(ALICE, other, "act"): False for other in others})
            await asked(iam, {(other, READ, "by principal"): False for other in others})
            equal(True, await iam.is_allowed(own, READ, "by principal"), f"as {own!r} itself")
        iam = await self.portable(world, [rule("Allow", resource="doc/*")])
        inside = ("doc/../secret", "doc/./a", "doc//a", "doc/%2e%2e/a", "doc/a/..")
        await asked(iam, {(ALICE, READ, text): True for text in inside})
        outside = ("x/../doc/a", "./doc/a", "/doc/a", "doc%2Fa", "doc\\a", "x//doc/a")
        await asked(iam, {(ALICE, READ, text): False for text in outside})

    @law(
        "IAM-084",
        "What stands between the stars of a pattern is found in turn: no letter counts twice.",
        rung=Rung.TRUST,
    )
    async def no_letter_counts_twice(self, world: World[Any]) -> None:
        allows = [
            rule("Allow", action=f"do-{number}", resource=one)
            for number, one in enumerate(_STARRED)
        ]
        iam = await self.portable(world, allows)
        for number, pattern in enumerate(_STARRED):
            fits = re.compile(".*".join(map(re.escape, pattern.split("*"))))
            for text in _TEXTS if world.virtual else self.random.sample(_TEXTS, 5):
                expected = fits.fullmatch(text) is not None
                about = f"{pattern!r} for {text!r}"
                equal(expected, await iam.is_allowed(ALICE, f"do-{number}", text), about)


_STARRED = (
    *("*ab*b", "ab*ba", "a*ab*", "*aa*a", "a*a*a", "*ba*ab", "ab*b*b", "*a*b*ab", "b*ab*b"),
    *("*aba*aba", "aa*aa", "*ab*ab*", "a*b", "*b*"),
)
_TEXTS = ["".join(letters) for size in range(1, 6) for letters in product("ab", repeat=size)]
_RESOLVED = {
    "doc/a": (
        *("doc/x/../a", "x/../doc/a", "doc/./a", "./doc/a", "doc/a/.", "doc/a/x/.."),
        *("doc//a", "/doc/a", "doc/a/", "doc%2Fa", "doc%2fa", "doc/%61", "doc\\a"),
        *("doc/a?x", "doc/a#x", "doc/a;x", "doc/a ", " doc/a", "doc/a\0", "doc/a\n"),
    ),
    "ns:doc": ("ns::doc", "ns:x:..:doc", "ns%3Adoc", "ns/doc", "ns.doc", "ns: doc"),
}
"""Texts, and others of which a resolver or decoder would make them."""
