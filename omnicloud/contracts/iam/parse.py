"""Rules as people write them: mappings in, checked rules out, all mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from omnicloud.contracts.iam.models import Conditions, Effect, Policy
from omnicloud.errors import InvalidArgumentError

__all__ = ["parse_policies", "policy_mapping"]

_FIELDS = {"id", "effect", "principal", "action", "resource", "condition"}
_CONDITIONS = {"tenant", "region", "not_before", "not_after", "tags"}
_EFFECTS = {"allow": Effect.ALLOW, "deny": Effect.DENY}
_MAX_PATTERN = 4096  # characters

Complain = Callable[[str, str], None]


def parse_policies(policy_set: Iterable[Mapping[str, object]]) -> tuple[Policy, ...]:
    """The rules of a set, or an error that lists every mistake in it.

    A rule is a mapping with ``effect`` (``"Allow"`` or ``"Deny"``), ``principal``, ``action``
    and ``resource`` (a pattern or a list of them), and may have an ``id`` (by default its
    place, ``"#0"``) and a ``condition``: ``tenant``, ``region`` (patterns), ``not_before``,
    ``not_after`` (ISO 8601 with a zone, or ``datetime``), ``tags`` (patterns by tag).

    Raises:
        InvalidArgumentError: Each mistake with the rule's place and the field.
    """
    if isinstance(policy_set, str | bytes | Mapping) or not isinstance(policy_set, Iterable):
        raise InvalidArgumentError("a policy set is a list of rules, each a mapping")
    mistakes: list[str] = []
    policies = [_policy(rule, place, mistakes) for place, rule in enumerate(policy_set)]
    _check_ids(policies, mistakes)
    if mistakes:
        raise InvalidArgumentError(
            "the policy set is refused whole: " + "; ".join(mistakes),
            hint="the rules in force were not changed",
        )
    return tuple(policy for policy in policies if policy is not None)


def policy_mapping(policy: Policy) -> dict[str, object]:
    """A rule as :func:`parse_policies` takes it, of plain JSON values."""
    conditions = policy.conditions
    condition: dict[str, object] = {}
    if conditions.tenants:
        condition["tenant"] = list(conditions.tenants)
    if conditions.regions:
        condition["region"] = list(conditions.regions)
    if conditions.not_before is not None:
        condition["not_before"] = _iso(conditions.not_before)
    if conditions.not_after is not None:
        condition["not_after"] = _iso(conditions.not_after)
    if conditions.tags:
        condition["tags"] = {tag: list(patterns) for tag, patterns in conditions.tags}
    written: dict[str, object] = {
        "id": policy.id,
        "effect": policy.effect.value,
        "principal": list(policy.principals),
        "action": list(policy.actions),
        "resource": list(policy.resources),
    }
    return {**written, "condition": condition} if condition else written


def _policy(rule: object, place: int, mistakes: list[str]) -> Policy | None:
    def complain(field: str, what: str) -> None:
        mistakes.append(f"rule {place}, {field}: {what}")

    if not isinstance(rule, Mapping):
        mistakes.append(f"rule {place}: must be a mapping, not {type(rule).__name__}")
        return None
    _check_fields(rule, _FIELDS, "", complain)
    return Policy(
        _id(rule.get("id", f"#{place}"), complain),
        _effect(rule.get("effect"), complain),
        _patterns(rule.get("principal"), "principal", complain),
        _patterns(rule.get("action"), "action", complain),
        _patterns(rule.get("resource"), "resource", complain),
        _conditions(rule.get("condition"), complain),
    )


def _check_fields(
    mapping: Mapping[object, object], known: set[str], within: str, complain: Complain
) -> None:
    for field in mapping:
        if field not in known:
            complain(f"{within}{field}", f"unknown; known are {', '.join(sorted(known))}")


def _id(value: object, complain: Complain) -> str:
    if isinstance(value, str) and value:
        return value
    complain("id", "must be text that is not empty")
    return ""


def _effect(value: object, complain: Complain) -> Effect:
    effect = _EFFECTS.get(value.lower()) if isinstance(value, str) else None
    if effect is None:
        complain("effect", 'must be "Allow" or "Deny"')
        return Effect.DENY
    return effect


def _patterns(value: object, field: str, complain: Complain) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list | tuple | set | frozenset) or not patterns:
        complain(field, "must be a pattern, or a list of at least one")
        return ()
    for pattern in patterns:
        if not isinstance(pattern, str) or not 0 < len(pattern) <= _MAX_PATTERN:
            complain(field, f"each pattern must be text of 1 to {_MAX_PATTERN} characters")
            return ()
    return tuple(patterns)


def _conditions(value: object, complain: Complain) -> Conditions:
    if value is None:
        return Conditions()
    if not isinstance(value, Mapping):
        complain("condition", "must be a mapping")
        return Conditions()
    _check_fields(value, _CONDITIONS, "condition.", complain)

    def patterns(field: str) -> tuple[str, ...]:
        return _patterns(value[field], f"condition.{field}", complain) if field in value else ()

    return Conditions(
        patterns("tenant"),
        patterns("region"),
        _moment(value.get("not_before"), "condition.not_before", complain),
        _moment(value.get("not_after"), "condition.not_after", complain),
        _tags(value.get("tags"), complain),
    )


def _moment(value: object, field: str, complain: Complain) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.timestamp()
    complain(field, "must be a moment with a zone, as 2026-01-31T08:00:00+00:00")
    return None


def _tags(value: object, complain: Complain) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not all(isinstance(tag, str) for tag in value):
        complain("condition.tags", "must be a mapping of tags to patterns")
        return ()
    return tuple(
        (tag, _patterns(patterns, f"condition.tags.{tag}", complain))
        for tag, patterns in value.items()
    )


def _check_ids(policies: list[Policy | None], mistakes: list[str]) -> None:
    seen: set[str] = set()
    for place, policy in enumerate(policies):
        if policy is None or not policy.id:
            continue
        if policy.id in seen:
            mistakes.append(f"rule {place}, id: {policy.id!r} is the id of a rule before it")
        seen.add(policy.id)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
