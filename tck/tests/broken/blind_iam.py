"""iam drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

import math
import posixpath
import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import _applies, evaluate
from omnicloud.contracts.iam.models import Access, Decision, Effect, Policy, Reason
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


def iam(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-IA-{number:02}", tier, summary, IAMContract)


class _Asking(MemoryIAM):
    """One that changes what is asked."""

    def asked(self, access: Access) -> Access:
        return access

    async def decide(self, op: Decide, /) -> Decision:
        return await super().decide(Decide(self.asked(op.access)))


class _Reading(MemoryIAM):
    """One that changes the rules as it reads them."""

    def rule(self, policy: Policy, access: Access) -> Policy:
        return policy

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        access = op.access
        return evaluate((self.rule(policy, access) for policy in self._policies()), access)


@iam(1, "T1", "a rule still holds at the moment of its not_after")
class EndsInclusive(_Reading):
    def rule(self, policy: Policy, access: Access) -> Policy:
        end = policy.conditions.not_after
        if end is None:
            return policy
        later = math.nextafter(end, math.inf)
        return replace(policy, conditions=replace(policy.conditions, not_after=later))


@iam(2, "T2", "rules are replaced one after another, while others are decided by")
class ReplacesOneByOne(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        await self._store.reading()
        rows = self._store.rows(self._table)
        rows["rules"] = ()
        for policy in op.policies:
            rows["rules"] = (*rows["rules"], policy)
            await pause()


@iam(3, "T3", "a client remembers its decisions for five seconds")
class RemembersDecisions(MemoryIAM):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._known: dict[Any, tuple[float, Decision]] = {}

    async def decide(self, op: Decide, /) -> Decision:
        access = op.access
        place = (repr(replace(access, at=0.0)), access.at)
        now = self._store.clock.monotonic()
        held = self._known.get(place)
        if held is not None and held[0] > now:
            await self._store.reading()
            return held[1]
        decision = await super().decide(op)
        self._known[place] = (now + 5.0, decision)
        return decision

    async def put_policies(self, op: PutPolicies, /) -> None:
        self._known.clear()
        await super().put_policies(op)


@iam(4, "T4", "a rule that denies under a condition that cannot be known does not apply")
class UnknownDoesNotDeny(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        kept = []
        for policy in self._policies():
            as_allow = replace(policy, effect=Effect.ALLOW)
            try:
                unknown = policy.effect is Effect.DENY and not _applies(as_allow, op.access)
            except (TypeError, ValueError, AttributeError):
                unknown = False
            if not unknown:
                kept.append(policy)
        return evaluate(kept, op.access)


@iam(5, "T4", "groups are compared with all principals: a group named as a user has its rights")
class GroupsAreUsers(_Reading):
    def rule(self, policy: Policy, access: Access) -> Policy:
        named = set(policy.principals) & set(access.groups)
        if not named:
            return policy
        return replace(policy, principals=(*policy.principals, access.principal))


@iam(6, "T4", "a rule that names the resource wins over one with a star, also one that denies")
class ExactWins(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        for policy in self._policies():
            exact = op.access.resource in policy.resources and policy.effect is Effect.ALLOW
            try:
                if exact and _applies(policy, op.access):
                    denied = any(
                        op.access.resource in one.resources and _applies(one, op.access)
                        for one in self._policies()
                        if one.effect is Effect.DENY
                    )
                    if not denied and op.access.principal and op.access.action:
                        return Decision(True, Reason.ALLOWED, policy.id)
            except (TypeError, ValueError, AttributeError):
                break
        return evaluate(self._policies(), op.access)


@iam(7, "T4", "names of principals are normalised (NFKC): look-alikes have the rights")
class NormalisesPrincipals(_Asking):
    def asked(self, access: Access) -> Access:
        principal = access.principal
        if isinstance(principal, str):
            principal = unicodedata.normalize("NFKC", principal)
        return replace(access, principal=principal)


@iam(8, "T4", "resources are normalised as paths before rules look at them")
class NormalisesResources(_Asking):
    def asked(self, access: Access) -> Access:
        resource = access.resource
        if isinstance(resource, str) and ("/../" in resource or "/./" in resource):
            resource = posixpath.normpath(resource)
        return replace(access, resource=resource)


@iam(9, "T4", "a condition on several tags holds where one of them does")
class AnyTag(_Reading):
    def rule(self, policy: Policy, access: Access) -> Policy:
        tags = policy.conditions.tags
        if policy.effect is Effect.DENY or len(tags) < 2:
            return policy
        for one in tags:
            alone = replace(policy.conditions, tags=(one,))
            if _applies(replace(policy, conditions=alone), access):
                return replace(policy, conditions=alone)
        return policy
