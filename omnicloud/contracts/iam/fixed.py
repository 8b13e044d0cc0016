"""Rules in this process: what answers an ``IAM`` that was made directly."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, IAMFeature, IAMLimits, Policy
from omnicloud.core.operation import Feature

__all__ = ["FixedRules"]


class FixedRules:
    """An iam driver over a tuple of rules, replaced by one assignment."""

    def __init__(self, policies: tuple[Policy, ...] = ()) -> None:
        self._policies = policies

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset(IAMFeature) - {IAMFeature.DURABLE}

    @property
    def limits(self) -> IAMLimits:
        return IAMLimits()

    async def decide(self, op: Decide, /) -> Decision:
        await asyncio.sleep(0)
        return evaluate(self._policies, op.access)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        await asyncio.sleep(0)
        return self._policies

    async def put_policies(self, op: PutPolicies, /) -> None:
        await asyncio.sleep(0)
        self._policies = op.policies

    async def aclose(self) -> None:
        """Nothing is held."""
