"""What a set of rules says: denied unless a rule allows it and none denies it."""

from __future__ import annotations

from collections.abc import Iterable

from omnicloud.contracts.iam.models import (
    Access,
    Conditions,
    Decision,
    Effect,
    Policy,
    Reason,
)
from omnicloud.contracts.iam.patterns import matches

__all__ = ["evaluate", "is_complete"]

_GROUP = "group:"


def evaluate(policies: Iterable[Policy], access: Access) -> Decision:
    """Decide. The order of the rules does not matter; a rule that fails to evaluate denies."""
    if not is_complete(access):
        return Decision(False, Reason.INVALID)
    allowing: Policy | None = None
    for policy in policies:
        try:
            applies = _applies(policy, access)
        except (TypeError, ValueError, AttributeError):
            return Decision(False, Reason.FAILED, policy.id)
        if applies and policy.effect is Effect.DENY:
            return Decision(False, Reason.DENIED, policy.id)
        if applies and allowing is None:
            allowing = policy
    if allowing is None:
        return Decision(False, Reason.NO_RULE)
    return Decision(True, Reason.ALLOWED, allowing.id)


def is_complete(access: Access) -> bool:
    """Whether there is a principal, an action and a resource."""
    parts = (access.principal, access.action, access.resource)
    return all(isinstance(part, str) and part for part in parts)


def _applies(policy: Policy, access: Access) -> bool:
    if not _any(policy.actions, access.action) or not _any(policy.resources, access.resource):
        return False
    if not _is_principal(policy.principals, access):
        return False
    met = _met(policy.conditions, access)
    # What cannot be known does not allow, and does deny.
    return policy.effect is Effect.DENY if met is None else met


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def _is_principal(patterns: tuple[str, ...], access: Access) -> bool:
    if _any(patterns, access.principal):
        return True
    groups = [group if group.startswith(_GROUP) else _GROUP + group for group in access.groups]
    wanted = [pattern for pattern in patterns if pattern.startswith(_GROUP)]
    return any(matches(pattern, group) for pattern in wanted for group in groups)


def _met(conditions: Conditions, access: Access) -> bool | None:
    """Whether the conditions hold; ``None`` where the request does not say."""
    answers = [
        _text(conditions.tenants, access.tenant),
        _text(conditions.regions, access.region),
        _time(conditions, access.at),
        *(_text(patterns, access.tags.get(tag)) for tag, patterns in conditions.tags),
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _text(patterns: tuple[str, ...], value: str | None) -> bool | None:
    if not patterns:
        return True
    return None if value is None else _any(patterns, value)


def _time(conditions: Conditions, at: float) -> bool | None:
    if conditions.not_before is None and conditions.not_after is None:
        return True
    if at != at or at <= 0:  # noqa: PLR0124 - not a number
        return None
    begun = conditions.not_before is None or at >= conditions.not_before
    return begun and (conditions.not_after is None or at < conditions.not_after)
