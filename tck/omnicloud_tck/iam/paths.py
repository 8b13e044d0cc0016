"""The laws of iam about resources and actions that are written as paths."""

from __future__ import annotations

from typing import Any

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
