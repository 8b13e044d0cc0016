"""Cedar answers as the core's own evaluator, for any rules and any request."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Conditions, Decision, Effect, Policy, Reason
from omnicloud_cedar.iam import decided
from omnicloud_cedar.language import group_patterns, ordered, policy_text
from omnicloud_cedar.rule_sets import RuleSet, managed, written

_LETTERS = 'ab:/A?é"\\\n\0\u200b🦀'
_ODD_TEXTS = st.text(_LETTERS, min_size=1, max_size=4)
_ODD_PATTERNS = st.text(_LETTERS + "***", min_size=1, max_size=4)
_TEXTS = st.one_of(st.sampled_from(("a", "b", "ab", "aab")), _ODD_TEXTS)
_PATTERNS = st.one_of(st.sampled_from(("*", "a", "ab", "a*", "*b", "*a*")), _ODD_PATTERNS)
_NAMES = st.sampled_from(("a", "ab", "group:a", "group:ab", "b", "A"))
_MOMENTS = st.sampled_from((1e9, 1.7e9, 1.7e9 + 2**-22, 1.7e9 - 2**-22, 1.7e9 + 0.5, 3e9))
_TAGS = st.sampled_from(("stage", "", "with space", "__expr", "___expr", '"', "é"))


def _some(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(patterns, min_size=1, max_size=3).map(tuple)


_PRINCIPALS = _some(st.one_of(_NAMES, _PATTERNS, st.sampled_from(("group:*", "group:a*", "*"))))
_FACTS = st.one_of(_NAMES, _TEXTS)
_SOME_CONDITIONS = st.builds(
    Conditions,
    st.one_of(st.just(()), _some(_PATTERNS)),
    st.one_of(st.just(()), _some(_PATTERNS)),
    st.one_of(st.none(), _MOMENTS),
    st.one_of(st.none(), _MOMENTS),
    st.dictionaries(_TAGS, _some(st.one_of(_PATTERNS, st.just("*"))), max_size=2).map(
        lambda tags: tuple(tags.items())
    ),
)
_CONDITIONS = st.one_of(st.just(Conditions()), _SOME_CONDITIONS)
_ANYTHING = st.just(("*",))


def _numbered(policies: list[Policy]) -> tuple[Policy, ...]:
    return tuple(
        Policy(
            f"{place}",
            each.effect,
            each.principals,
            each.actions,
            each.resources,
            each.conditions,
        )
        for place, each in enumerate(policies)
    )


_RULES = st.lists(
    st.builds(
        Policy,
        st.just(""),
        st.sampled_from((Effect.ALLOW, Effect.ALLOW, Effect.DENY)),
        st.one_of(_ANYTHING, _PRINCIPALS),
        st.one_of(_ANYTHING, _some(_PATTERNS)),
        st.one_of(_ANYTHING, _some(_PATTERNS)),
        _CONDITIONS,
    ),
    max_size=5,
).map(_numbered)
_REQUESTS = st.builds(
    Access,
    _FACTS,
    _TEXTS,
    _TEXTS,
    st.frozensets(_NAMES, max_size=3),
    st.one_of(st.none(), _FACTS),
    st.one_of(st.none(), _FACTS, st.just("")),
    st.dictionaries(_TAGS, _FACTS, max_size=3),
    st.one_of(st.just(0.0), _MOMENTS),
)


def _told(policies: tuple[Policy, ...], access: Access) -> Decision:
    text = "\n".join(map(policy_text, policies))
    rules = RuleSet(cedarpy.PolicySet.from_str(text), policies, group_patterns(policies))
    return decided(rules, access)


def test_any_rules_answer_any_request_as_the_core_does() -> None:
    seen: Counter[Reason] = Counter()

    @settings(max_examples=1000, deadline=None, database=None)
    @given(_RULES, st.lists(_REQUESTS, min_size=1, max_size=4))
    def trial(policies: tuple[Policy, ...], requests: list[Access]) -> None:
        for access in requests:
            expected = evaluate(policies, access)
            seen[expected.reason] += 1
            assert _told(policies, access) == expected

    trial()
    # Where nearly every answer were the same one, agreeing would say little.
    for reason in (Reason.ALLOWED, Reason.DENIED, Reason.NO_RULE):
        assert seen[reason] > 100, f"{reason} was decided {seen[reason]} times: {seen}"


@settings(max_examples=300, deadline=None, database=None)
@given(_RULES, _REQUESTS)
def test_rules_that_come_back_from_their_file_answer_as_they_did(
    policies: tuple[Policy, ...], access: Access
) -> None:
    kept = managed(written(policies))
    assert decided(kept, access) == evaluate(kept.policies, access)
    assert [each.id for each in kept.policies] == [each.id for each in policies]
    assert [each.principals for each in kept.policies] == [each.principals for each in policies]


@given(
    st.floats(allow_nan=False),
    st.floats(allow_nan=False),
)
def test_moments_order_as_their_integers(one: float, other: float) -> None:
    assert (one < other) == (ordered(one) < ordered(other))
    assert (one == other) == (ordered(one) == ordered(other))
    assert abs(ordered(one)) < 2**63


@pytest.mark.parametrize(
    "facts",
    [
        {"tags": {"stage": 5}},
        {"tags": {5: "x"}},
        {"tenant": 5},
        {"region": b"eu"},
        {"groups": frozenset({5})},
        {"at": "noon"},
        {"resource": "\ud800"},
    ],
)
def test_a_fact_that_is_no_text_is_denied_though_everything_is_allowed(
    facts: dict[str, Any],
) -> None:
    everything = (Policy("all", Effect.ALLOW, ("*",), ("*",), ("*",)),)
    access = Access(**{"principal": "a", "action": "b", "resource": "c", "at": 1e9, **facts})
    assert _told(everything, access) == Decision(False, Reason.FAILED)


def test_a_rule_of_very_many_patterns_decides() -> None:
    patterns = tuple(f"doc/{number}/*" for number in range(3_000))
    policies = (Policy("wide", Effect.ALLOW, ("*",), patterns, patterns),)
    for resource, expected in {"doc/2999/x": True, "doc/3000/x": False}.items():
        access = Access("a", "doc/0/x", resource, at=1e9)
        assert _told(policies, access).allowed is expected


@pytest.mark.parametrize("tag", ["__expr", "__entity", "__extn", "___expr", "", '"'])
def test_a_tag_of_any_name_is_a_tag(tag: str) -> None:
    condition = Conditions(tags=((tag, ("a*",)),))
    policies = (Policy("tagged", Effect.ALLOW, ("*",), ("*",), ("*",), condition),)
    for tags, expected in (({tag: "ab"}, True), ({tag: "b"}, False), ({f"_{tag}": "ab"}, False)):
        access = Access("a", "b", "c", tags=tags, at=1e9)
        assert _told(policies, access) == evaluate(policies, access)
        assert _told(policies, access).allowed is expected
