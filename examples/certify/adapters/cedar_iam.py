"""The iam contract over cedarpy, the Cedar language."""

from __future__ import annotations

from collections.abc import Sequence

import cedarpy

from omnicloud.contracts.iam.models import Access, Policy

from .iam_objects import CompiledLaws

__all__ = ["Cedar", "CedarLaws"]

_REQUEST = {"principal": 'P::"p"', "action": 'Action::"a"', "resource": 'R::"r"'}


class Cedar:
    """Principal, action and resource travel in the context, where ``like`` can match them.

    A group of a request is asked for by its whole name: ``like`` does not look into sets.
    """

    def __init__(self, policies: tuple[Policy, ...], /) -> None:
        self._text = "\n".join(map(_policy, policies))

    def allows(self, access: Access, /) -> bool:
        context = {
            "principal": access.principal,
            "action": access.action,
            "resource": access.resource,
            "groups": sorted(_group(group) for group in access.groups),
        }
        answer = cedarpy.is_authorized({**_REQUEST, "context": context}, self._text, [])
        return bool(answer.allowed)


class CedarLaws(CompiledLaws):
    """The laws over Cedar."""

    evaluator = Cedar


def _policy(policy: Policy) -> str:
    effect = "permit" if policy.effect.value == "Allow" else "forbid"
    groups = [name for name in policy.principals if name.startswith("group:")]
    members = [f"context.groups.contains({_text(name)})" for name in groups]
    who = [_like("principal", policy.principals), *members]
    asked = " || ".join(who)
    rest = f"{_like('action', policy.actions)} && {_like('resource', policy.resources)}"
    return f"{effect}(principal, action, resource) when {{ ({asked}) && {rest} }};"


def _like(what: str, patterns: Sequence[str]) -> str:
    tests = (f"context.{what} like {_text(pattern)}" for pattern in patterns)
    return f"({' || '.join(tests)})"


def _text(pattern: str) -> str:
    """A string of Cedar; its escapes are not those of JSON."""
    plain = (char if char.isalnum() or char in "*:/ " else _escape(char) for char in pattern)
    return f'"{"".join(plain)}"'


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def _group(name: str) -> str:
    return name if name.startswith("group:") else f"group:{name}"
