"""IAM drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import _met, evaluate
from omnicloud.contracts.iam.models import Access, Decision, Effect, Policy
from omnicloud.contracts.iam.patterns import matches
from omnicloud.memory.iam import _RULES, MemoryIAM
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.iam import IAMContract


def iam(number: int, tier: str, summary: str) -> Any:
    return broken(f"B7-IA-{number:02}", tier, summary, IAMContract)


class _Seeing(MemoryIAM):
    """Decides by the rules as it sees them."""

    def seen(self, policy: Policy, access: Access) -> Policy | None:
        return policy

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        seen = [self.seen(policy, op.access) for policy in self._policies()]
        return evaluate([policy for policy in seen if policy is not None], op.access)


# clause: PutPolicies "Replace all rules at once"
# app: every replace that takes a rule away (an INSERT without a DELETE)
@iam(1, "T0", "replacing the rules adds to them")
class AddsRules(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        kept = {policy.id: policy for policy in (*self._policies(), *op.policies)}
        await super().put_policies(replace(op, policies=tuple(kept.values())))


# clause: Conditions.not_after "Seconds ..., exclusive"
# app: a rule that ends at midnight, asked at midnight
@iam(2, "T1", "a rule still applies at the moment at which it ends")
class EndsLate(_Seeing):
    def seen(self, policy: Policy, access: Access) -> Policy | None:
        end = policy.conditions.not_after
        if end is None:
            return policy
        later = replace(policy.conditions, not_after=math.nextafter(end, math.inf))
        return replace(policy, conditions=later)


# clause: "All must hold"
# app: tags={"team": "a", "level": "5"}
@iam(3, "T1", "of several tags the first one decides")
class LooksAtOneTag(_Seeing):
    def seen(self, policy: Policy, access: Access) -> Policy | None:
        conditions = replace(policy.conditions, tags=policy.conditions.tags[:1])
        return replace(policy, conditions=conditions)


# clause: "every decision sees all of the old ones or all of the new"
# app: decisions while rules are replaced
@iam(4, "T2", "while rules are replaced there are none")
class DeletesThenInserts(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        await self._store.reading()
        self._store.rows(self._table)[_RULES] = ()
        await pause()
        await super().put_policies(op)


# clause: docs "`replace(policies)` changes its rules at once, for all clients"
# app: a right that is taken away lives on in other processes
@iam(5, "T3", "a client decides by rules that it fetched up to half a minute ago")
class RemembersRules(MemoryIAM):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._held: tuple[float, tuple[Policy, ...]] | None = None

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        now = self._store.clock.monotonic()
        if self._held is None or now >= self._held[0] + 30.0:
            self._held = (now, self._policies())
        return evaluate(self._held[1], op.access)

    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(op)
        self._held = None


# clause: "What the request does not say makes ... a denying rule deny"
# app: a deny for region "us-*", asked without a region
@iam(6, "T4", "a denying rule does not apply where the request does not say what it asks for")
class DoubtAllows(_Seeing):
    def seen(self, policy: Policy, access: Access) -> Policy | None:
        if policy.effect is Effect.DENY and _met(policy.conditions, access) is None:
            return None
        return policy


# clause: "`group:x` as a principal is every member of the group" (and no other pattern is)
# app: somebody makes a group that is called like a user
@iam(7, "T4", "a group that is called like a user has the user's rights")
class MixesSubjects(_Seeing):
    def seen(self, policy: Policy, access: Access) -> Policy | None:
        groups = [group.removeprefix("group:") for group in access.groups]
        if any(matches(pattern, group) for pattern in policy.principals for group in groups):
            return replace(policy, principals=(*policy.principals, access.principal))
        return policy


# clause: "`*` is any run of characters"; "matches the whole text"
# app: a name with a line break slips past Deny "secret*"
@iam(8, "T4", "a star does not match a line break, so a deny is slipped past")
class DotIsNoLineBreak(_Seeing):
    def seen(self, policy: Policy, access: Access) -> Policy | None:
        parts = (policy.actions, access.action), (policy.resources, access.resource)
        if not all(any(_like(one, text) for one in patterns) for patterns, text in parts):
            return None
        return replace(policy, actions=(access.action,), resources=(access.resource,))


def _like(pattern: str, text: object) -> bool:
    spelled = ".*".join(re.escape(part) for part in pattern.split("*"))
    return isinstance(text, str) and re.fullmatch(spelled, text) is not None
