"""iam drivers that are wrong in ways which were written before the laws were looked at."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate, is_complete
from omnicloud.contracts.iam.models import Access, Conditions, Decision, Effect, Policy, Reason
from omnicloud.contracts.iam.patterns import matches
from omnicloud.errors import UnavailableError
from omnicloud.memory.iam import _RULES, MemoryIAM
from omnicloud_tck.iam import IAMContract


def iam(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, IAMContract)


class _OtherRules(MemoryIAM):
    """Decides by rules or by a request that it changed before."""

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate([self.rule(p, op.access) for p in self._policies()], self.asked(op.access))

    def rule(self, policy: Policy, access: Access) -> Policy:
        return policy

    def asked(self, access: Access) -> Access:
        return access


@iam("U-IA-01", "T0", "groups are ignored")
class NoGroups(_OtherRules):
    def asked(self, access: Access) -> Access:
        return replace(access, groups=frozenset())


class _OtherPatterns(_OtherRules):
    """Replaces patterns that would match by the text, those that would not by none."""

    def rule(self, policy: Policy, access: Access) -> Policy:
        return replace(
            policy,
            actions=self.chosen(policy.actions, access.action),
            resources=self.chosen(policy.resources, access.resource),
        )

    def chosen(self, patterns: tuple[str, ...], text: str) -> tuple[str, ...]:
        if not isinstance(text, str):
            return patterns
        return (text,) if any(self.fits(pattern, text) for pattern in patterns) else ()

    def fits(self, pattern: str, text: str) -> bool:
        return matches(pattern, text)


def _regex(pattern: str, star: str) -> str:
    return star.join(map(re.escape, pattern.split("*")))


@iam("U-IA-02", "T1", "* does not match a slash")
class Paths(_OtherPatterns):
    def fits(self, pattern: str, text: str) -> bool:
        return re.fullmatch(_regex(pattern, "[^/]*"), text, re.DOTALL) is not None


@iam("U-IA-03", "T1", "* wants at least one character")
class Plus(_OtherPatterns):
    def fits(self, pattern: str, text: str) -> bool:
        return re.fullmatch(_regex(pattern, ".+"), text, re.DOTALL) is not None


@iam("U-IA-04", "T1", "only the first * of a pattern is one")
class OneStar(_OtherPatterns):
    def fits(self, pattern: str, text: str) -> bool:
        head, star, tail = pattern.partition("*")
        if not star:
            return pattern == text
        long = len(text) >= len(head) + len(tail)
        return long and text.startswith(head) and text.endswith(tail)


@iam("U-IA-05", "T4", "a line feed at the end of a name is not looked at")
class Dollar(_OtherPatterns):
    def fits(self, pattern: str, text: str) -> bool:
        return re.match(_regex(pattern, ".*") + "$", text, re.DOTALL) is not None


class _OtherConditions(_OtherRules):
    def rule(self, policy: Policy, access: Access) -> Policy:
        return replace(policy, conditions=self.conditions(policy.conditions, access))

    def conditions(self, conditions: Conditions, access: Access) -> Conditions:
        return conditions


@iam("U-IA-06", "T1", "not_after is inclusive")
class Inclusive(_OtherConditions):
    def conditions(self, conditions: Conditions, access: Access) -> Conditions:
        if conditions.not_after == access.at:
            return replace(conditions, not_after=access.at + 1)
        return conditions


@iam("U-IA-07", "T1", "not_before is exclusive")
class Exclusive(_OtherConditions):
    def conditions(self, conditions: Conditions, access: Access) -> Conditions:
        if conditions.not_before == access.at:
            return replace(conditions, not_before=access.at + 1)
        return conditions


@iam("U-IA-08", "T4", "of several tags one is enough")
class OneTag(_OtherConditions):
    def conditions(self, conditions: Conditions, access: Access) -> Conditions:
        met = [
            (tag, patterns)
            for tag, patterns in conditions.tags
            if any(matches(pattern, access.tags.get(tag, "")) for pattern in patterns)
        ]
        return replace(conditions, tags=tuple(met)) if met else conditions


@iam("U-IA-09", "T1", "of several resources the first only is looked at")
class FirstResource(_OtherRules):
    def rule(self, policy: Policy, access: Access) -> Policy:
        return replace(policy, resources=policy.resources[:1])


class _Remembers(MemoryIAM):
    """Keeps decisions."""

    def kept(self) -> dict[Any, Decision]:
        return self.__dict__.setdefault("_kept", {})  # type: ignore[no-any-return]

    def key(self, access: Access) -> Any:
        return repr(access)

    async def decide(self, op: Decide, /) -> Decision:
        decision = await super().decide(op)
        return self.kept().setdefault(self.key(op.access), decision)

    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(op)
        self.kept().clear()


@iam("U-IA-10", "T2", "decisions are kept until this client replaces the rules")
class KeptDecisions(_Remembers):
    pass


@iam("U-IA-11", "T4", "decisions are kept for principal, action and resource, whatever the rest")
class ShortKey(_Remembers):
    def kept(self) -> dict[Any, Decision]:
        return self._store.rows(("decisions", *map(id, self._policies())))

    def key(self, access: Access) -> Any:
        return access.principal, access.action, access.resource


@iam("U-IA-12", "T2", "new rules come in one by one, those that allow first")
class OneByOne(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        allowing = tuple(p for p in op.policies if p.effect is Effect.ALLOW)
        await super().put_policies(PutPolicies(allowing))
        await pause()
        await super().put_policies(op)


@iam("U-IA-13", "T3", "in an outage the last known rules decide")
class LastKnown(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        try:
            decision = await super().decide(op)
            self.__dict__["_rules"] = self._policies()
        except UnavailableError:
            if "_rules" not in self.__dict__:
                raise
            return evaluate(self.__dict__["_rules"], op.access)
        return decision


@iam("U-IA-14", "T1", "putting an empty set leaves the rules as they are")
class KeepsLast(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        if op.policies:
            await super().put_policies(op)


@iam("U-IA-15", "T3", "a put that is cancelled leaves half of the rules")
class Half(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        before = self._policies()
        await super().put_policies(PutPolicies(op.policies[: len(op.policies) // 2]))
        half = self._policies()
        self._store.rows(self._table)[_RULES] = before
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._store.rows(self._table)[_RULES] = half
            raise
        await super().put_policies(op)


@iam("U-IA-16", "T4", "a denial whose condition cannot be known does not deny")
class FailsOpen(_OtherRules):
    def rule(self, policy: Policy, access: Access) -> Policy:
        wanted = policy.conditions
        unknown = (wanted.tenants and access.tenant is None) or (
            wanted.regions and access.region is None
        )
        unknown = unknown or any(tag not in access.tags for tag, _ in wanted.tags)
        return replace(policy, principals=()) if unknown else policy


@iam("U-IA-17", "T4", "a group whose name is a user's has that user's rights")
class GroupsAsUsers(_OtherRules):
    def rule(self, policy: Policy, access: Access) -> Policy:
        named = any(matches(p, group) for p in policy.principals for group in access.groups)
        return replace(policy, principals=("*",)) if named else policy


@iam("U-IA-18", "T4", "names that look alike are one name")
class LooksAlike(_OtherRules):
    def rule(self, policy: Policy, access: Access) -> Policy:
        def plain(patterns: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(unicodedata.normalize("NFKC", each) for each in patterns)

        return replace(policy, principals=plain(policy.principals))

    def asked(self, access: Access) -> Access:
        if not isinstance(access.principal, str):
            return access
        return replace(access, principal=unicodedata.normalize("NFKC", access.principal))


@iam("U-IA-19", "T1", "the rules from the hundred and first on are not looked at")
class OnePage(MemoryIAM):
    def _policies(self) -> tuple[Policy, ...]:
        return super()._policies()[:100]

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        await self._store.reading()
        return super()._policies()


@iam("U-IA-20", "T1", "a denial names the rule that would have allowed")
class WrongName(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        decision = await super().decide(op)
        if decision.reason is Reason.DENIED:
            allowing = [p for p in self._policies() if p.effect is Effect.ALLOW]
            second = evaluate(allowing, op.access)
            return replace(decision, policy=second.policy or decision.policy)
        return decision


@iam("U-IA-21", "T1", "the rules that are answered lack their tags")
class NoTags(MemoryIAM):
    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        return tuple(
            replace(policy, conditions=replace(policy.conditions, tags=()))
            for policy in await super().get_policies(op)
        )


@iam("U-IA-22", "T4", "a request without a resource is asked as any resource")
class AnyResource(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        if not is_complete(op.access) and not op.access.resource:
            return await super().decide(Decide(replace(op.access, resource="*")))
        return await super().decide(op)
