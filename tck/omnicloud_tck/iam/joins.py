"""The law of iam about questions that are one where their parts are joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from omnicloud.contracts.iam import IAMFeature
from omnicloud_tck.check import equal
from omnicloud_tck.iam.rules import IAMLaws, rule
from omnicloud_tck.law import Rung, law
from omnicloud_tck.seams import SEAMS
from omnicloud_tck.world import World

__all__ = ["JoinRules"]

_SEAMS = tuple(dict.fromkeys((*SEAMS, ", ", "=", "&", "\n", "\t", "','", '","', "\x1e")))
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_EVERYONE = rule("Allow", principal="*", action="*", resource="*")

Question = tuple[tuple[str, str, str], Mapping[str, Any]]
"""Principal, action and resource, and what else is known."""


class _Case(NamedTuple):
    """Two questions that a join makes one, and the rule that denies the first."""

    denied: Question
    allowed: Question
    rule: Mapping[str, object]


class JoinRules(IAMLaws):
    """A question is what its parts say, one by one, whatever was asked before."""

    @law(
        "IAM-085",
        "Questions are told apart whose parts, groups or tags a join would make one, whichever is "
        "asked first.",
        rung=Rung.TRUST,
    )
    async def joined_questions_are_apart(self, world: World[Any]) -> None:
        driver = await world.driver()
        features, most = driver.features, driver.limits.policies_max - 1
        cases = [case for number, seam in enumerate(_SEAMS) for case in _parts(f"{number}", seam)]
        if IAMFeature.CONDITIONS in features:
            for number, seam in enumerate(_SEAMS):
                cases += _facts(f"{number}", seam)
        for start in range(0, len(cases), most):
            await self._are_apart(world, cases[start : start + most])

    async def _are_apart(self, world: World[Any], cases: list[_Case]) -> None:
        for turned in (False, True):
            iam = await self.portable(world, [_EVERYONE, *(case.rule for case in cases)])
            for case in cases:
                both = ((case.denied, False), (case.allowed, True), (case.denied, False))
                for (parts, facts), expected in both[1:] if turned else both:
                    answer = await iam.is_allowed(*parts, at=_AT, **facts)
                    equal(expected, answer, f"may {parts!r} with {facts!r}")


def _parts(tag: str, seam: str) -> Iterator[_Case]:
    """Of principal, action, resource and groups; each case has names of its own."""
    a, c, bc, ab, abc = _names(f"g{tag}", seam)
    yield _Case(
        ((a, "x", "r"), {"groups": (a, f"b{a}")}),
        ((a, "x", "r"), {"groups": (f"{a}{seam}b{a}",)}),
        rule("Deny", f"group:b{a}", "x", "r"),
    )
    yield _Case(
        ((a, "y", "r"), {"groups": (a, bc)}),
        ((a, "y", "r"), {"groups": (ab, c)}),
        rule("Deny", f"group:{bc}", "y", "r"),
    )
    yield _Case(((a, bc, "r"), {}), ((ab, c, "r"), {}), rule("Deny", a, bc, "r"))
    yield _Case((("u", a, bc), {}), (("u", ab, c), {}), rule("Deny", "u", a, bc))
    yield _Case(
        (("u", "z", a), {"groups": (bc,)}),
        (("u", "z", ab), {"groups": (c,)}),
        rule("Deny", "u", "z", a),
    )
    yield _Case(((a, c, abc), {}), ((f"{a}{seam}{c}", ab, c), {}), rule("Deny", a, c, abc))


def _facts(tag: str, seam: str) -> Iterator[_Case]:
    """Of tenant, region and tags; each case has an action, for what is not said is denied."""
    a, c, bc, ab, _ = _names(f"f{tag}", seam)
    yield _Case(
        (("u", f"t{tag}", "r"), {"tenant": a, "region": bc}),
        (("u", f"t{tag}", "r"), {"tenant": ab, "region": c}),
        rule("Deny", "u", f"t{tag}", "r", condition={"tenant": a}),
    )
    for equals in ("=", ":"):
        asked = ("u", f"v{tag}{equals}", "r")
        yield _Case(
            (asked, {"tags": {a: "1", c: "2"}}),
            (asked, {"tags": {a: f"1{seam}{c}{equals}2"}}),
            rule("Deny", *asked, condition={"tags": {a: "1", c: "2"}}),
        )


def _names(tag: str, seam: str) -> tuple[str, str, str, str, str]:
    """Of ``a``, ``b`` and ``c``: the first, the last, and what a join makes of some of them."""
    a, b, c = (f"{letter}-{tag}." for letter in "abc")
    return a, c, f"{b}{seam}{c}", f"{a}{seam}{b}", f"{a}{seam}{b}{seam}{c}"
