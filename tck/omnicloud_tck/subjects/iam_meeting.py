"""Replacements of all rules, and questions, that meet."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.models import Access, Effect, Policy
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe

__all__ = ["IAM_MEETING"]

_ALLOW, _DENY = Effect.ALLOW, Effect.DENY
_NOW = 1_700_000_000.0  # any moment


def _rules(*parts: tuple[str, Effect, str]) -> tuple[Policy, ...]:
    return tuple(Policy(id_, effect, ("u",), ("read",), (what,)) for id_, effect, what in parts)


_OLD = _rules(("a", _ALLOW, "*"), ("b", _DENY, "new/*"), ("c", _DENY, "x"))
_NEW = _rules(("b", _DENY, "old/*"), ("a", _ALLOW, "new/*"), ("d", _ALLOW, "old/*"))
_WIDE = _rules(*((f"w{number}", _ALLOW, f"old/{number}*") for number in range(12)))
_LONG = _rules(
    ("z", _ALLOW, "*"),
    *((f"l{number}", _DENY, f"long/{number}") for number in range(260)),
    ("y", _DENY, "x"),
)
_ASKED = ("old/1", "new/1", "x", "y")


def _begin(rules: tuple[Policy, ...]) -> Any:
    async def begin(pipe: Pipe, space: str) -> dict[str, Any]:
        await pipe.send(PutPolicies(rules))
        return {}

    return begin


def _put(rules: tuple[Policy, ...]) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        op: Any = PutPolicies(rules)
        return await pipe.send(op)

    return call


def _ask(what: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        decision = await pipe.send(Decide(Access("u", "read", what, at=_NOW)))
        return decision.allowed

    return call


async def _policies(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return [(rule.id, rule.effect.value, rule.resources) for rule in await pipe.send(GetPolicies())]


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    answers = [await _ask(what)(pipe, space, known) for what in _ASKED]
    return answers, await _policies(pipe, space, known)


IAM_MEETING = Meeting(
    {"no rules": _begin(()), "old rules": _begin(_OLD)},
    {
        "a replacement": _put(_NEW),
        "a replacement by many": _put(_WIDE),
        "a replacement by hundreds": _put(_LONG),
        "a replacement by none": _put(()),
        "a replacement by the same": _put(_OLD),
        **{f"a question about {what}": _ask(what) for what in _ASKED},
        "a look at the rules": _policies,
    },
    _look,
    apart=False,
    reads=frozenset({*(f"a question about {what}" for what in _ASKED), "a look at the rules"}),
)
