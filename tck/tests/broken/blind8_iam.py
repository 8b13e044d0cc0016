"""iam drivers written against the contract alone, for an eighth count of what the kit finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, GetPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, Policy, Reason
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract

_PAGE = 1000


def iam(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND8-IA-{number}", tier, summary, IAMContract)


@iam("01", "T1", "a decision looks at the first 1,000 rules")
class FirstPageDecides(MemoryIAM):
    """ "Deny overrides allow", wherever it stands, up to policies_max. Met by a firm of a
    thousand with a rule for each: the rules are a query, of which the first page is read."""

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(self._policies()[:_PAGE], op.access)


@iam("02", "T1", "a look at the rules tells the first 1,000")
class FirstPageTold(MemoryIAM):
    """ "The rules in force, in the order in which they were put". Met by an editor that reads the
    set, changes a rule and puts it back: the others are gone."""

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        return (await super().get_policies(op))[:_PAGE]


@iam("03", "T4", "names of groups are compared with patterns of principals")
class GroupsArePrincipals(MemoryIAM):
    """ "group:x as a principal is every member of the group". Met where users may make groups and
    name them: who is in the group user:root is user:root."""

    async def decide(self, op: Decide, /) -> Decision:
        found = await super().decide(op)
        if found.reason is Reason.NO_RULE:
            for group in op.access.groups:
                other = evaluate(self._policies(), replace(op.access, principal=group))
                found = other if other.allowed else found
        return found


@iam("04", "T2", "compiled rules are kept by id: another rule of that id is not seen")
class CompiledById(MemoryIAM):
    """ "Replace all rules at once". Met by rules without an id: #0 of the next set is taken for #0
    of this one."""

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        kept: dict[str, Policy] = self.__dict__.setdefault("_wrong_kept", {})
        rules = tuple(kept.setdefault(policy.id, policy) for policy in self._policies())
        return evaluate(rules, op.access)
