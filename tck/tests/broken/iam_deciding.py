"""iam drivers that decide wrongly of the right rules, or keep and tell them wrongly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.iam import YES, Judged, iam
from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import (
    Access,
    Conditions,
    Decision,
    Effect,
    IAMFeature,
    Policy,
    Reason,
)
from omnicloud.errors import OmniCloudError
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.store import MemoryStore


@iam("IA01", "T0", "everything is allowed")
class AllowsAll(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return YES


@iam("IA01b", "T0", "everything is denied")
class DeniesAll(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return Decision(False, Reason.NO_RULE)


@iam("IA01c", "T4", "without rules everything is allowed")
class EmptyAllows(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(policies, access) if policies else YES


@iam("IA01d", "T4", "what is not denied is allowed")
class AllowsByDefault(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        decision = evaluate(policies, access)
        return YES if decision.reason is Reason.NO_RULE else decision


class InOrder(Judged):
    """A driver that lets one rule decide."""

    def pick(self, answers: list[Decision]) -> Decision:
        return answers[-1]

    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        answers = [evaluate((policy,), access) for policy in policies]
        told = [each for each in answers if each.reason is not Reason.NO_RULE]
        return self.pick(told) if told else Decision(False, Reason.NO_RULE)


@iam("IA06", "T4", "the last rule that matches wins")
class LastWins(InOrder):
    pass


@iam("IA06b", "T4", "the first rule that matches wins")
class FirstWins(InOrder):
    def pick(self, answers: list[Decision]) -> Decision:
        return answers[0]


@iam("IA06c", "T4", "allow overrides deny")
class AllowOverrides(InOrder):
    def pick(self, answers: list[Decision]) -> Decision:
        return max(answers, key=lambda each: each.allowed)


@iam("IA06d", "T4", "the most of the rules win")
class MajorityWins(InOrder):
    def pick(self, answers: list[Decision]) -> Decision:
        allowing = sum(each.allowed for each in answers)
        return max(answers, key=lambda each: each.allowed is (allowing * 2 > len(answers)))


@iam("IA10", "T4", "an error in a rule counts as allow")
class FailsOpen(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        decision = evaluate(policies, access)
        return YES if decision.reason is Reason.FAILED else decision


@iam("IA10b", "T4", "a rule that fails is skipped")
class SkipsFailing(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        decision = evaluate(policies, access)
        while decision.reason is Reason.FAILED:
            policies = tuple(each for each in policies if each.id != decision.policy)
            decision = evaluate(policies, access)
        return decision


@iam("IA25", "T4", "a condition on what the request does not say holds")
class UnknownHolds(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        known = replace(access, tenant=access.tenant or "acme", region=access.region or "r")
        return evaluate(policies, known)


@iam("IA26", "T4", "a deny on what the request does not say is dropped")
class UnknownDropsDeny(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        if access.tenant is None and not access.tags:
            policies = tuple(
                each
                for each in policies
                if each.effect is Effect.ALLOW or each.conditions == Conditions()
            )
        return evaluate(policies, access)


@iam("IA27", "T1", "an explanation names the first rule of the set")
class NamesFirst(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        decision = evaluate(policies, access)
        return replace(decision, policy=policies[0].id) if decision.policy else decision


@iam("IA28", "T1", "a deny is explained as no rule")
class HidesDeny(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        decision = evaluate(policies, access)
        denied = decision.reason is Reason.DENIED
        return Decision(False, Reason.NO_RULE) if denied else decision


@iam("IA30", "T2", "each client has rules of its own")
class NotShared(MemoryIAM):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(MemoryStore(store.clock), namespace)


@iam("IA31", "T2", "decisions are cached for ever")
class CachesDecisions(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        held = self.__dict__.setdefault("_held", {})
        key = repr(op.access)
        if key not in held:
            held[key] = await super().decide(replace(op, access=replace(op.access, at=1.8e9)))
        found: Decision = held[key]
        return found


@iam("IA32", "T1", "rules are added to those in force")
class Adds(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        new = {policy.id: policy for policy in (*self._policies(), *op.policies)}
        await super().put_policies(PutPolicies(tuple(new.values())))


@iam("IA33", "T2", "rules are replaced one by one")
class ReplacesOneByOne(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        for count in range(len(op.policies) + 1):
            await super().put_policies(PutPolicies(op.policies[:count]))


@iam("IA34", "T1", "rules are told in another order")
class TellsBackwards(MemoryIAM):
    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        return (await super().get_policies(op))[::-1]


@iam("IA35", "T1", "rules are cut at a NUL")
class CutsRules(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        cut = tuple(
            replace(policy, resources=tuple(text.split("\0")[0] for text in policy.resources))
            for policy in op.policies
        )
        await super().put_policies(PutPolicies(cut))


@iam("IA36", "T4", "in an outage everything is allowed")
class OutageAllows(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        try:
            return await super().decide(op)
        except OmniCloudError:
            return YES


@iam("IA37", "T3", "declares durable and is not")
class Volatile(MemoryIAM):
    @property
    def features(self) -> Any:
        return frozenset(IAMFeature)

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        opened = store.__dict__.setdefault("_wrong_opened", 0)
        store.__dict__["_wrong_opened"] = opened + 1
        if opened > 2:
            store._tables.clear()
        super().__init__(store, namespace)


@iam("IA38", "T2", "concurrent decisions share one request")
class SharesRequest(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        self.__dict__["_asked"] = op
        await asyncio.sleep(0)
        return await super().decide(self.__dict__["_asked"])
