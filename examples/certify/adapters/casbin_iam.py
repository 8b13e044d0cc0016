"""The iam contract over pycasbin's ``Enforcer``."""

from __future__ import annotations

import re
from itertools import product

import casbin

from omnicloud.contracts.iam.models import Access, Policy

from .iam_objects import CompiledLaws

__all__ = ["Casbin", "CasbinLaws"]

_MODEL = """
[request_definition]
r = sub, act, obj
[policy_definition]
p = sub, act, obj, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = regexMatch(r.sub, p.sub) && regexMatch(r.act, p.act) && regexMatch(r.obj, p.obj)
"""


class Casbin:
    """Deny overrides allow; patterns become regular expressions.

    The library's own ``keyMatch`` knows a star at the end only. Groups are roles that it
    keeps, not facts of a request, so they are not passed on.
    """

    def __init__(self, policies: tuple[Policy, ...], /) -> None:
        model = casbin.Enforcer.new_model(text=_MODEL)
        self._enforcer = casbin.Enforcer(model)
        for policy in policies:
            rows = product(policy.principals, policy.actions, policy.resources)
            for row in rows:
                patterns = [_regex(part) for part in row]
                self._enforcer.add_policy(*patterns, policy.effect.value.lower())

    def allows(self, access: Access, /) -> bool:
        allowed: bool = self._enforcer.enforce(access.principal, access.action, access.resource)
        return allowed


class CasbinLaws(CompiledLaws):
    """The laws over casbin."""

    evaluator = Casbin


def _regex(pattern: str) -> str:
    parts = (re.escape(part) for part in pattern.split("*"))
    return rf"(?s:{'.*'.join(parts)})\Z"
