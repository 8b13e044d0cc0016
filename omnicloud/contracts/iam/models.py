"""Values of the iam contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from omnicloud.core.operation import Feature, Limits

__all__ = [
    "Access",
    "Conditions",
    "Decision",
    "Effect",
    "IAMFeature",
    "IAMLimits",
    "Policy",
    "Reason",
]


class IAMFeature(Feature):
    """What an iam driver may declare."""

    EXPLAIN = "explain"
    """A decision names the rule that made it."""
    MANAGE = "manage"
    """The rules can be read and replaced through the contract."""
    CONDITIONS = "conditions"
    """Rules may have conditions."""
    DURABLE = "durable"
    """Rules that were put survive a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IAMLimits(Limits):
    """Bounds of an iam driver."""

    policies_max: int = 10_000
    """At least 25, so that every application can count on it."""


class Effect(Enum):
    """What a rule does with what it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold besides for a rule to apply; all of them, an empty one always.

    Of what a request does not say, a tenant, a region, a moment or a tag, nothing is known: a
    rule that asks for it does not allow, and does deny, unless another of its conditions fails.

    Attributes:
        tenants: Patterns, one of which matches the tenant of the request.
        regions: Patterns, one of which matches its region.
        not_before: Seconds since 1970-01-01 UTC, inclusive.
        not_after: Seconds since 1970-01-01 UTC, exclusive.
        tags: For each tag, patterns of which one matches its value.
    """

    tenants: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    not_before: float | None = None
    not_after: float | None = None
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()


_NO_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule. In patterns ``*`` is any run of characters, everything else is itself.

    Attributes:
        id: Names the rule in decisions; unique in its set.
        principals: Patterns of principals; ``group:x`` is also every member of the group.
    """

    id: str
    effect: Effect
    principals: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = _NO_CONDITIONS


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked: may this principal do this to this resource, in these circumstances?

    Attributes:
        tags: Text by name. The portable class checks none: a value that is no text is one that
            no rule can look at; a rule that has to denies, an allowing one as well.
        at: Seconds since 1970-01-01 UTC; 0, less, or no number at all: it is not said.
    """

    principal: str
    action: str
    resource: str
    groups: frozenset[str] = frozenset()
    tenant: str | None = None
    region: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0


class Reason(Enum):
    """Why a decision came out as it did."""

    ALLOWED = "allowed"
    DENIED = "denied"
    """A rule denies it."""
    NO_RULE = "no_rule"
    """No rule allows it."""
    INVALID = "invalid"
    """Principal, action or resource is missing."""
    FAILED = "failed"
    """A rule could not be evaluated."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer.

    Attributes:
        policy: The id of the rule that decided; ``None`` where none did, or where the driver
            does not declare ``explain``.
    """

    allowed: bool
    reason: Reason
    policy: str | None = None
