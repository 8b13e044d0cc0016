"""The requests of the iam contract and the driver that answers them.

Rules stand above tenants: a tenant is a fact of a request, which rules may look at, not a place
where rules live.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from omnicloud.contracts.iam.models import (
    Access,
    Conditions,
    Decision,
    IAMFeature,
    IAMLimits,
    Policy,
)
from omnicloud.core.names import Scope
from omnicloud.core.operation import Effect, Feature, Operation, Seal
from omnicloud.errors import InvalidArgumentError, UnsupportedError

__all__ = ["Decide", "GetPolicies", "IAMDriver", "PutPolicies"]

_MANAGE: frozenset[Feature] = frozenset({IAMFeature.MANAGE})
_NO_CONDITIONS = Conditions()


class IAMDriver(Protocol):
    """Serves the requests below."""

    @property
    def features(self) -> frozenset[Feature]: ...
    @property
    def limits(self) -> IAMLimits: ...
    async def decide(self, op: Decide, /) -> Decision: ...
    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]: ...
    async def put_policies(self, op: PutPolicies, /) -> None: ...
    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Decide(Operation[IAMDriver, Decision]):
    """Whether the principal may do this. What cannot be evaluated is denied, never an error.

    ``evaluate`` in :mod:`.evaluate` says what rules mean. A rule that cannot be evaluated, as
    one that asks for a tag whose value is no text, denies with ``Reason.FAILED``; whether it is
    found where another rule denies already, or where the odd value is one that no rule asks for,
    is left to the driver.
    """

    name: ClassVar[str] = "iam.decide"
    access: Access

    @property
    def resource(self) -> str:
        return self.access.resource if isinstance(self.access.resource, str) else ""

    def scoped(self, scope: Scope) -> Decide:
        """The request itself: it carries its tenant as a fact, for rules to look at."""
        return self

    def run(self, driver: IAMDriver) -> Awaitable[Decision]:
        return driver.decide(self)


@dataclass(frozen=True, slots=True)
class GetPolicies(Operation[IAMDriver, tuple[Policy, ...]]):
    """The rules in force, in the order in which they were put."""

    name: ClassVar[str] = "iam.get_policies"

    def needs(self) -> frozenset[Feature]:
        return _MANAGE

    def scoped(self, scope: Scope) -> Self:
        _refuse_tenant(scope, self.name)
        return self

    def run(self, driver: IAMDriver) -> Awaitable[tuple[Policy, ...]]:
        return driver.get_policies(self)


@dataclass(frozen=True, slots=True)
class PutPolicies(Operation[IAMDriver, None]):
    """Replace all rules at once: every decision sees all of the old ones or all of the new."""

    name: ClassVar[str] = "iam.put_policies"
    policies: tuple[Policy, ...]

    @property
    def effect(self) -> Effect:
        return Effect.IDEMPOTENT

    def needs(self) -> frozenset[Feature]:
        conditional = any(policy.conditions != _NO_CONDITIONS for policy in self.policies)
        return _MANAGE | {IAMFeature.CONDITIONS} if conditional else _MANAGE

    def check(self, driver: IAMDriver) -> None:
        if len(self.policies) > driver.limits.policies_max:
            raise InvalidArgumentError(
                f"{len(self.policies)} rules, the limit policies_max is "
                f"{driver.limits.policies_max}"
            )

    def scoped(self, scope: Scope) -> Self:
        _refuse_tenant(scope, self.name)
        return self

    def sealed(self, seal: Seal) -> Self:
        raise UnsupportedError(
            "iam.put_policies needs the service to see the rules, which encryption hides",
            hint="use a service without encryption for rules; they are not payload",
        )

    def run(self, driver: IAMDriver) -> Awaitable[None]:
        return driver.put_policies(self)


def _refuse_tenant(scope: Scope, name: str) -> None:
    if scope.prefix:
        raise UnsupportedError(
            f"{name} is not for tenants: rules stand above them",
            hint="call it outside `tenant(...)`; rules can look at the tenant in a condition",
        )
