"""The class users hold: who may do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import final

from omnicloud.contracts.iam.driver import Decide, GetPolicies, IAMDriver, PutPolicies
from omnicloud.contracts.iam.evaluate import is_complete
from omnicloud.contracts.iam.fixed import FixedRules
from omnicloud.contracts.iam.models import Access, Decision, Reason
from omnicloud.contracts.iam.parse import parse_policies, policy_mapping
from omnicloud.core.arguments import check_names
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.context import current
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError

__all__ = ["IAM"]


@final
class IAM:
    """Who may do what. Denied is what no rule allows, and what any rule denies.

    Args:
        policy_set: Rules, each a mapping with ``effect``, ``principal``, ``action`` and
            ``resource``; see :func:`~omnicloud.contracts.iam.parse.parse_policies`. In force
            in this object; with a pipeline, give none: its driver has the rules.
        pipeline: The way to a driver that keeps the rules.
        clock: What ``not_before`` and ``not_after`` are compared with.

    Raises:
        InvalidArgumentError: The set has mistakes; all are listed.
    """

    def __init__(
        self,
        policy_set: Iterable[Mapping[str, object]] = (),
        *,
        pipeline: Pipeline[IAMDriver] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        policies = parse_policies(policy_set)
        if pipeline is not None and policies:
            raise InvalidArgumentError(
                "a policy set and a pipeline exclude each other",
                hint="put the rules into the service with `replace`",
            )
        self._pipeline: Pipeline[IAMDriver] = pipeline or Pipeline(FixedRules(policies))
        self._clock = clock

    @property
    def pipeline(self) -> Pipeline[IAMDriver]:
        """The way to the driver."""
        return self._pipeline

    async def is_allowed(
        self,
        principal: str,
        action: str,
        resource: str | None,
        *,
        groups: Iterable[str] | None = None,
        tenant: str | None = None,
        region: str | None = None,
        tags: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Whether the principal may do this to the resource.

        A missing principal, action or resource is denied, whatever the rules say.

        Args:
            principal: As ``"user:alice"``.
            action: As ``"kv:get"``.
            resource: What it is done to.
            groups: Of the principal, with or without ``group:``; by default those of
                ``acting_as``.
            tenant: By default that of the running task.
            region: Where.
            tags: By default those of ``acting_as``.
            at: When; by default now.

        Raises:
            UnavailableError: The driver did not answer. Take it for a no.
        """
        decision = await self.explain(
            principal,
            action,
            resource,
            groups=groups,
            tenant=tenant,
            region=region,
            tags=tags,
            at=at,
        )
        return decision.allowed is True

    async def explain(
        self,
        principal: str,
        action: str,
        resource: str | None,
        *,
        groups: Iterable[str] | None = None,
        tenant: str | None = None,
        region: str | None = None,
        tags: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> Decision:
        """The answer of :meth:`is_allowed` with its reason and the rule that decided.

        The rule is named where the driver declares ``explain``.
        """
        ambient = current()
        access = Access(
            principal,
            action,
            resource or "",
            ambient.groups if groups is None else frozenset(check_names(groups, "group")),
            ambient.tenant if tenant is None else tenant,
            region,
            dict(ambient.tags if tags is None else tags),
            self._clock.wall() if at is None else _moment(at),
        )
        if not is_complete(access):
            return Decision(False, Reason.INVALID)
        return await self._pipeline.send(Decide(access))

    async def policies(self) -> list[dict[str, object]]:
        """The rules in force, in their order, as :meth:`replace` takes them. Needs ``manage``."""
        return [policy_mapping(policy) for policy in await self._pipeline.send(GetPolicies())]

    async def replace(self, policy_set: Iterable[Mapping[str, object]]) -> None:
        """Replace all rules at once. Needs ``manage``, and ``conditions`` where any has some.

        Raises:
            InvalidArgumentError: The set has mistakes, all of which are listed; the rules in
                force stay.
        """
        await self._pipeline.send(PutPolicies(parse_policies(policy_set)))

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()


def _moment(at: datetime) -> float:
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InvalidArgumentError("at must be a datetime with a zone")
    return at.timestamp()
