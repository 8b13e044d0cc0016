"""What the two evaluators have in common: rules are compiled when they are given."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Protocol

from omnicloud.contracts.iam import IAM
from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.models import Access, Decision, IAMLimits, Policy, Reason
from omnicloud.contracts.iam.parse import parse_policies
from omnicloud.core.operation import NO_FEATURES, Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.iam.rules import Rules
from omnicloud_tck.world import World

from ..refusals import refuse
from ..worlds import process_world

__all__ = ["CompiledLaws", "Evaluator", "world"]


class Evaluator(Protocol):
    """A library with some rules."""

    def __init__(self, policies: tuple[Policy, ...], /) -> None: ...

    def allows(self, access: Access, /) -> bool:
        """Whether the rules allow it."""


class Compiled:
    """An iam driver over an evaluator. Rules are given once; reading them back is not offered."""

    features: frozenset[Feature] = NO_FEATURES
    limits = IAMLimits()

    def __init__(self, evaluator: Evaluator | None) -> None:
        self._evaluator = evaluator

    async def decide(self, op: Decide, /) -> Decision:
        await asyncio.sleep(0)
        allowed = self._evaluator is not None and self._evaluator.allows(op.access)
        return Decision(allowed, Reason.ALLOWED if allowed else Reason.NO_RULE)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        await refuse(op.name)

    async def put_policies(self, op: PutPolicies, /) -> None:
        await refuse(op.name)

    async def aclose(self) -> None:
        """Nothing is held."""


def world() -> World[Any]:
    """A world without a store; what it opens by itself has no rules.

    Evaluators read no clock, so time may be virtual, and laws come one after another. Python
    before 3.11.8 needs that: parsing in several threads, as casbin does for each question,
    raises ``SystemError`` there (python/cpython issue 106905).
    """
    return process_world(lambda: Compiled(None), virtual=True)


class CompiledLaws(IAMContract):
    """The laws over an evaluator: rules are checked as the contract says, then compiled."""

    evaluator: ClassVar[type[Evaluator]]

    async def portable(self, world: World[Any], policy_set: Rules | None = None) -> Any:
        policies = parse_policies(policy_set or ())
        driver = Compiled(self.evaluator(policies))
        return IAM(pipeline=Pipeline(driver), clock=world.clock)
