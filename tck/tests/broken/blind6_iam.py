"""Iam drivers that are wrong as those over policy engines would be."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Decision, Effect, Policy, Reason
from omnicloud.contracts.iam.patterns import matches
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


def iam(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, IAMContract)


@iam("B6-IA-01", "T0", "putting rules adds them to those in force")
class AddsRules(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        new = {policy.id for policy in op.policies}
        kept = tuple(policy for policy in self._policies() if policy.id not in new)
        await super().put_policies(PutPolicies(kept + op.policies))


class _Rewriting(MemoryIAM):
    """Decides about other rules than were put."""

    def rewritten(self, policy: Policy, access: Access) -> Policy:
        return policy

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        rules = (self.rewritten(policy, op.access) for policy in self._policies())
        return evaluate(tuple(rules), op.access)


def _with_stars(policy: Policy, access: Access, star: str) -> Policy:
    """The rule with only those patterns that match where a star is another thing."""

    def kept(patterns: tuple[str, ...], texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in patterns if any(_like(one, text, star) for text in texts))

    groups = tuple(f"group:{one.removeprefix('group:')}" for one in access.groups)
    return replace(
        policy,
        principals=kept(policy.principals, (access.principal, *groups)),
        actions=kept(policy.actions, (access.action,)),
        resources=kept(policy.resources, (access.resource,)),
    )


def _like(pattern: str, text: str, star: str) -> bool:
    expression = star.join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, text, re.DOTALL) is not None


@iam("B6-IA-02", "T1", "a star needs at least one character")
class StarIsSome(_Rewriting):
    def rewritten(self, policy: Policy, access: Access) -> Policy:
        return _with_stars(policy, access, ".+")


@iam("B6-IA-03", "T1", "a star ends at a dot, as a glob's does by default")
class StarEndsAtDot(_Rewriting):
    def rewritten(self, policy: Policy, access: Access) -> Policy:
        return _with_stars(policy, access, "[^.]*")


@iam("B6-IA-04", "T2", "rules are replaced one after another, and decisions see those so far")
class ReplacesInSteps(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        for count in range(len(op.policies) + 1):
            await super().put_policies(PutPolicies(op.policies[:count]))


@iam("B6-IA-05", "T3", "the engine fetches the rules every ten seconds")
class PollsBundles(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        history = self._store.rows("bundles").setdefault("all", [(-1.0, self._policies())])
        await super().put_policies(op)
        history.append((self._now(), op.policies))

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        history = self._store.rows("bundles").get("all", [(-1.0, ())])
        fetched = self._now() - self._now() % 10.0
        rules = next(rules for at, rules in reversed(history) if at <= fetched)
        return evaluate(rules, op.access)

    def _now(self) -> float:
        return self._store.clock.monotonic()


@iam("B6-IA-06", "T4", "a denying rule about a tag does not apply to a request without it")
class MissingTagIsUnmet(_Rewriting):
    def rewritten(self, policy: Policy, access: Access) -> Policy:
        asked = {tag for tag, _ in policy.conditions.tags}
        if policy.effect is Effect.DENY and not asked <= set(access.tags):
            return replace(policy, actions=())
        return policy


@iam("B6-IA-07", "T4", "a group is a principal: who is in group user:root is user:root")
class GroupsArePrincipals(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        decision = await super().decide(op)
        for group in op.access.groups:
            if decision.reason is Reason.NO_RULE:
                decision = await super().decide(Decide(replace(op.access, principal=group)))
        return decision


@iam("B6-IA-08", "T4", "of several tags in a condition one is enough")
class AnyTag(_Rewriting):
    def rewritten(self, policy: Policy, access: Access) -> Policy:
        met = tuple(
            (tag, patterns)
            for tag, patterns in policy.conditions.tags
            if any(matches(one, access.tags.get(tag, "")) for one in patterns)
        )
        return replace(policy, conditions=replace(policy.conditions, tags=met)) if met else policy
