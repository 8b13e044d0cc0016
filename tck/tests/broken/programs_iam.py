"""Rules that are wrong where forms, conditions and clients meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Conditions, Decision, Effect, Policy
from omnicloud.errors import UnavailableError
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


def rules(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-IA-{number}", tier, summary, IAMContract)


class _Otherwise(MemoryIAM):
    """Decides by other rules, or of another question."""

    def rule(self, rule: Policy) -> Policy:
        return rule

    def asked(self, access: Access) -> Access:
        return access

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(tuple(map(self.rule, self._policies())), self.asked(op.access))


@rules("01", "T1", "of a condition's window the end alone counts where both are given")
class EndAlone(_Otherwise):
    def rule(self, rule: Policy) -> Policy:
        held = rule.conditions
        if held.not_before is None or held.not_after is None:
            return rule
        return replace(rule, conditions=replace(held, not_before=None))


@rules("02", "T1", "moments are cut to whole seconds")
class WholeSeconds(_Otherwise):
    def asked(self, access: Access) -> Access:
        return replace(access, at=float(int(access.at)))


@rules("03", "T4", "of several patterns of a tenant the first alone is looked at")
class FirstTenant(_Otherwise):
    def rule(self, rule: Policy) -> Policy:
        held = rule.conditions
        return replace(rule, conditions=replace(held, tenants=held.tenants[:1]))


@rules("04", "T4", "of a denial with conditions on tags and a tenant the tags alone count")
class TagsAlone(_Otherwise):
    def rule(self, rule: Policy) -> Policy:
        held = rule.conditions
        if rule.effect is Effect.ALLOW or not held.tags or not held.tenants:
            return rule
        return replace(rule, conditions=Conditions(tags=held.tags))


@rules("05", "T4", "a group's star reaches no further than a colon")
class StarOfGroups(_Otherwise):
    def rule(self, rule: Policy) -> Policy:
        kept = tuple(one for one in rule.principals if not one.startswith("group:*"))
        return replace(rule, principals=kept)


@rules("06", "T1", "a rule in which a list names one thing twice is left out")
class NoTwins(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        kept = (rule for rule in op.policies if len(set(rule.actions)) == len(rule.actions))
        await super().put_policies(PutPolicies(tuple(kept)))


@rules("07", "T3", "a client that is opened anew decides by rules of its own until they change")
class OwnUntilChanged(MemoryIAM):
    _own: tuple[Policy, ...] | None = None

    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(op)
        self._own = op.policies if len(op.policies) > 5 else None

    def _policies(self) -> tuple[Policy, ...]:
        return super()._policies() if self._own is None else self._own


@rules("08", "T3", "rules that an outage refused are in force after it")
class InForceLater(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        try:
            await super().put_policies(op)
        except UnavailableError:
            self._store.rows("refused")[0] = op
            raise

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        missed = self._store.rows("refused").pop(0, None)
        if missed is not None and not self._store.down:
            await super().put_policies(missed)
        return await super().get_policies(op)


@rules("09", "T2", "rules that are put are in force for questions, then for those who read them")
class QuestionsFirst(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        old = self._policies()
        await super().put_policies(op)
        self._store.rows("told")[0] = old
        await asyncio.sleep(0)
        self._store.rows("told").pop(0, None)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        current = await super().get_policies(op)
        told: tuple[Policy, ...] = self._store.rows("told").get(0, current)
        return told


@rules("10", "T2", "of two who replace at once both keep what they allow")
class BothAllow(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        before = self._policies()
        await self._store.reading()
        others = self._policies()
        mixed = op.policies
        if others is not before:
            ids = {rule.id for rule in mixed}
            mixed = (*mixed, *(rule for rule in others if rule.id not in ids))
        self._store.rows(self._table)["rules"] = mixed


@rules("11", "T1", "a pattern of more than 256 characters is cut")
class CutsPatterns(_Otherwise):
    def rule(self, rule: Policy) -> Policy:
        return replace(rule, resources=tuple(one[:256] for one in rule.resources))


@rules("12", "T1", "the tag whose name is empty is never looked at")
class NoEmptyTag(_Otherwise):
    def rule(self, rule: Policy) -> Policy:
        held = rule.conditions
        tags = tuple(pair for pair in held.tags if pair[0])
        return replace(rule, conditions=replace(held, tags=tags))
