"""Rules as they are written, matched and refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from omnicloud.contracts.iam import IAM, Reason
from omnicloud.contracts.iam.patterns import matches
from omnicloud.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "anything\nat all", True),
        ("a*b", "ab", True),
        ("a*b", "a/x/b", True),
        ("a*b", "abc", False),
        ("*a*", "bab", True),
        ("aba*aba", "aba", False),
        ("aba*aba", "abaaba", True),
        ("a*bc*bcd", "abcd", False),
        ("**", "x", True),
        ("a.c", "abc", False),
        ("kv:read", "kv:readall", False),
        ("kv:read", "xkv:read", False),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_many_stars_cost_no_more_than_the_text_is_long() -> None:
    started = time.perf_counter()
    assert not matches("*a" * 1000 + "*b", "a" * 20_000)
    assert time.perf_counter() - started < 5.0


def test_all_mistakes_of_a_set_are_told_at_once() -> None:
    rules = [
        {"effect": "Permit", "principal": "p", "action": "a", "resource": "r"},
        {"effect": "Allow", "principal": [], "action": 5, "resource": "r", "colour": "red"},
        {
            "effect": "Deny",
            "principal": "p",
            "action": "a",
            "resource": "r",
            "condition": {"not_before": "2026-01-01T00:00:00"},
        },
    ]
    with pytest.raises(InvalidArgumentError) as caught:
        IAM(rules)
    for part in (
        "rule 0, effect",
        "rule 1, principal",
        "rule 1, action",
        "rule 1, colour",
        "rule 2, condition.not_before",
    ):
        assert part in str(caught.value)


def allow(**more: object) -> dict[str, object]:
    return {"effect": "Allow", "principal": "*", "action": "*", "resource": "*", **more}


async def test_a_set_with_a_mistake_leaves_the_rules_in_force() -> None:
    iam = IAM([allow()])
    with pytest.raises(InvalidArgumentError, match="effect"):
        await iam.replace([{**allow(), "effect": "Maybe"}])
    assert await iam.is_allowed("p", "a", "r")
    await iam.replace([])
    assert not await iam.is_allowed("p", "a", "r")


async def test_an_unknown_circumstance_does_not_allow_and_does_deny() -> None:
    condition = {"region": "eu-*"}
    assert not await IAM([allow(condition=condition)]).is_allowed("p", "a", "r")
    denied = IAM([allow(id="yes"), {**allow(condition=condition), "effect": "Deny", "id": "no"}])
    assert (await denied.explain("p", "a", "r")).policy == "no"
    assert (await denied.explain("p", "a", "r", region="us-1")).policy == "yes"


async def test_a_rule_that_cannot_be_evaluated_denies() -> None:
    iam = IAM([allow(id="odd", condition={"tags": {"team": "x*"}}), allow(id="all")])
    decision = await iam.explain("p", "a", "r", tags={"team": 5})  # type: ignore[dict-item]
    assert (decision.allowed, decision.reason, decision.policy) == (False, Reason.FAILED, "odd")


async def test_groups_tags_and_time_decide() -> None:
    moment = "2026-01-01T00:00:00+00:00"
    rules = [allow(principal="group:ops", condition={"not_after": moment, "tags": {"t": "a*"}})]
    iam = IAM(rules)
    before, after = datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    tags = {"t": "abc"}
    assert await iam.is_allowed("u", "a", "r", groups=["ops"], tags=tags, at=before)
    assert not await iam.is_allowed("u", "a", "r", groups=["ops"], tags=tags, at=after)
    assert not await iam.is_allowed("u", "a", "r", groups=["dev"], tags=tags, at=before)
    assert await IAM(await iam.policies()).is_allowed(
        "u", "a", "r", groups=["ops"], tags=tags, at=before
    )
