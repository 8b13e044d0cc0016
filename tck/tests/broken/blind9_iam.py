"""iam drivers written against the contract alone, for a ninth count of what the kit finds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, Effect, Policy
from omnicloud.contracts.iam.patterns import matches
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


def iam(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND9-IA-{number}", tier, summary, IAMContract)


@iam("01", "T3", "rules whose time is over are purged")
class Purges(MemoryIAM):
    """ "The rules in force, in the order in which they were put"; a request says when it is.
    Met by who asks what was allowed last week, and by who compares rules with their source."""

    def _policies(self) -> tuple[Policy, ...]:
        now = self._store.clock.wall()
        ends = ((policy, policy.conditions.not_after) for policy in super()._policies())
        return tuple(policy for policy, end in ends if end is None or end > now)


@iam("02", "T3", "rules whose time has not come are not put")
class PutsBegun(MemoryIAM):
    """The same at the other end: a rule from next week on is no rule next week."""

    async def put_policies(self, op: PutPolicies, /) -> None:
        now = self._store.clock.wall()
        begins = ((policy, policy.conditions.not_before) for policy in op.policies)
        begun = tuple(policy for policy, begin in begins if begin is None or begin <= now)
        await super().put_policies(PutPolicies(begun))


@iam("03", "T2", "the answer to a cancelled question is given to the next one")
class StaleDecision(MemoryIAM):
    """ "Never see each other's answers, also after a cancelled call". Met by a request that is
    broken off while it is authorized."""

    _left: Decision | None = None

    async def decide(self, op: Decide, /) -> Decision:
        try:
            decision = await super().decide(op)
        except asyncio.CancelledError:
            self._left = evaluate(self._policies(), op.access)
            raise
        left, self._left = self._left, None
        return left or decision


@iam("04", "T4", "a denying rule for a group does not deny its members")
class DeniesByName(MemoryIAM):
    """ "Group:x is also every member of the group". Met by what contractors may not see."""

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        kept = (policy for policy in self._policies() if self._counts(policy, op))
        return evaluate(kept, op.access)

    @staticmethod
    def _counts(policy: Policy, op: Decide) -> bool:
        named = any(matches(pattern, op.access.principal) for pattern in policy.principals)
        return named or policy.effect is Effect.ALLOW


@iam("05", "T1", "moments of conditions are kept in whole seconds")
class WholeSeconds(MemoryIAM):
    """ "Not_after: … exclusive". Met by a grant until now and a half second."""

    async def put_policies(self, op: PutPolicies, /) -> None:
        cut = [replace(policy, conditions=self._cut(policy)) for policy in op.policies]
        await super().put_policies(PutPolicies(tuple(cut)))

    @staticmethod
    def _cut(policy: Policy) -> Any:
        held = policy.conditions
        ends = (held.not_before, held.not_after)
        begin, end = (None if moment is None else float(int(moment)) for moment in ends)
        return replace(held, not_before=begin, not_after=end)
