"""Rules in Cedar's language.

A rule becomes one policy that looks at the request's context alone (see ``request.py``), so
that what ``==`` and ``like`` compare is the text of the request, letter for letter. What a
rule's condition asks and a request does not say allows nothing and denies: ``context has x``
stands before a test in a ``permit``, ``!(context has x)`` beside it in a ``forbid``.

The language: https://docs.cedarpolicy.com/policies/syntax-grammar.html, read 2026-11.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from omnicloud.contracts.iam.models import Conditions, Effect, Policy

__all__ = ["GROUP", "group_patterns", "ordered", "policy_text", "tag_name"]

GROUP = "group:"
_VERBS = {Effect.ALLOW: "permit", Effect.DENY: "forbid"}
_ALWAYS = "true"
_SIGN = 1 << 63


def policy_text(policy: Policy) -> str:
    """One rule as one Cedar policy with its id as annotation."""
    tests = [
        _principal(policy.principals),
        _text("context.action", policy.actions),
        _text("context.resource", policy.resources),
        *_conditions(policy.conditions, policy.effect),
    ]
    needed = [test for test in tests if test != _ALWAYS] or [_ALWAYS]
    return (
        f"@id({_quoted(policy.id)})\n"
        f"{_VERBS[policy.effect]} (principal, action, resource)\n"
        f"when {{ {_joined(needed, '&&')} }};\n"
    )


def group_patterns(policies: Iterable[Policy]) -> tuple[str, ...]:
    """The patterns with stars that rules have for groups.

    Cedar compares members of a set by equality only. So a request says which of these
    patterns one of its groups matches, and a policy asks for the pattern by its own text.
    """
    found = {
        pattern
        for policy in policies
        for pattern in policy.principals
        if pattern.startswith(GROUP) and "*" in pattern
    }
    return tuple(sorted(found))


def ordered(moment: float) -> int:
    """An integer that orders as the number does, exactly: Cedar knows no fractions this fine.

    The bits of an IEEE 754 double, read as an integer, order as the doubles of one sign do.
    """
    bits: int = struct.unpack("<Q", struct.pack("<d", moment))[0]
    return bits if bits < _SIGN else _SIGN - bits


def tag_name(tag: str) -> str:
    """The tag as an attribute; Cedar's JSON gives names like ``__expr`` a meaning."""
    return f"_{tag}" if tag.startswith("__") else tag


def _principal(patterns: Sequence[str]) -> str:
    groups = [_quoted(pattern) for pattern in patterns if pattern.startswith(GROUP)]
    own = _text("context.principal", patterns)
    if own == _ALWAYS or not groups:
        return own
    return f"({own} || context.groups.containsAny([{', '.join(groups)}]))"


def _conditions(conditions: Conditions, effect: Effect) -> list[str]:
    asked = [
        ("context", name, _text(f"context.{name}", patterns))
        for name, patterns in (("tenant", conditions.tenants), ("region", conditions.regions))
        if patterns
    ]
    moment = _moment(conditions)
    if moment:
        asked.append(("context", "instant", moment))
    for tag, patterns in conditions.tags:
        name = _quoted(tag_name(tag))
        asked.append(("context.tags", name, _text(f"context.tags[{name}]", patterns)))
    return [_where_said(*each, effect) for each in asked]


def _where_said(record: str, name: str, test: str, effect: Effect) -> str:
    said = f"{record} has {name}"
    if effect is Effect.ALLOW:
        return said if test == _ALWAYS else f"({said} && {test})"
    return _ALWAYS if test == _ALWAYS else f"(!({said}) || {test})"


def _moment(conditions: Conditions) -> str:
    tests = []
    if conditions.not_before is not None:
        tests.append(f"context.instant >= {ordered(conditions.not_before)}")
    if conditions.not_after is not None:
        tests.append(f"context.instant < {ordered(conditions.not_after)}")
    return _joined(tests, "&&") if tests else ""


def _text(term: str, patterns: Sequence[str]) -> str:
    """Whether one of the patterns matches the term."""
    if any(not pattern.strip("*") for pattern in patterns):
        return _ALWAYS
    exact = [_quoted(pattern) for pattern in patterns if "*" not in pattern]
    tests = [f"{term} like {_quoted(pattern)}" for pattern in patterns if "*" in pattern]
    if len(exact) == 1:
        tests.insert(0, f"{term} == {exact[0]}")
    elif exact:
        tests.insert(0, f"[{', '.join(exact)}].contains({term})")
    return _joined(tests, "||")


def _joined(tests: Sequence[str], operator: str) -> str:
    """The tests in a balanced tree: the engine bounds how deep expressions nest."""
    if len(tests) == 1:
        return tests[0]
    half = len(tests) // 2
    return f"({_joined(tests[:half], operator)} {operator} {_joined(tests[half:], operator)})"


def _quoted(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}"
