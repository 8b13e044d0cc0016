"""iam drivers, and evaluators, that are wrong on purpose."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from broken.registry import broken
from memory_world import memory_world
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
from omnicloud.contracts.iam.parse import parse_policies
from omnicloud.contracts.iam.patterns import matches
from omnicloud.errors import InvalidArgumentError, OmniCloudError
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.iam import IAMContract

YES = Decision(True, Reason.ALLOWED)
Match = Callable[[str, str], bool]


def iam(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, IAMContract)


class Judged(MemoryIAM):
    """A driver that decides as it likes."""

    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(policies, access)

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return self.judge(self._policies(), op.access)


def changed(number: str, tier: str, summary: str, how: Callable[[Policy], Policy]) -> None:
    """Enter a driver that reads rules as other ones."""

    def judge(self: Any, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(tuple(map(how, policies)), access)

    iam(number, tier, summary)(type(f"Changed{number}", (Judged,), {"judge": judge}))


def viewed(number: str, tier: str, summary: str, how: Callable[[Access], Access]) -> None:
    """Enter a driver that reads requests as other ones."""

    def judge(self: Any, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(policies, how(access))

    iam(number, tier, summary)(type(f"Viewed{number}", (Judged,), {"judge": judge}))


def matched(number: str, tier: str, summary: str, match: Match) -> None:
    """Enter a driver that matches patterns in another way."""

    def bounded(pattern: str, text: str) -> bool:
        # Expressions try again at each star; only the one that is wrong by it may.
        cheap = pattern.count("*") < 4 or number == "IA17"
        return match(pattern, text) if cheap else matches(pattern, text)

    def judge(self: Any, policies: tuple[Policy, ...], access: Access) -> Decision:
        asked = (access.principal, access.action, access.resource)
        exact = tuple(_exact(policy, asked, bounded) for policy in policies)
        return evaluate(exact, access)

    iam(number, tier, summary)(type(f"Matched{number}", (Judged,), {"judge": judge}))


def _exact(policy: Policy, asked: tuple[str, str, str], match: Match) -> Policy:
    """The rule with its patterns replaced by ``*`` where they match, by themselves otherwise."""
    principals, actions, resources = (
        tuple("*" if match(pattern, text) else "-" for pattern in patterns)
        for patterns, text in zip(
            (policy.principals, policy.actions, policy.resources), asked, strict=True
        )
    )
    groups = tuple(pattern for pattern in policy.principals if pattern.startswith("group:"))
    return replace(policy, principals=principals + groups, actions=actions, resources=resources)


def _regex(pattern: str) -> str:
    return ".*".join(map(re.escape, pattern.split("*")))


def _without_case(pattern: str, text: str) -> bool:
    return re.fullmatch(_regex(pattern), text, re.DOTALL | re.IGNORECASE) is not None


def _composed(pattern: str, text: str) -> bool:
    text = unicodedata.normalize("NFC", text)
    return re.fullmatch(_regex(pattern), text, re.DOTALL) is not None


def _many_stars(pattern: str, text: str) -> bool:
    return re.fullmatch(_regex(pattern), text, re.DOTALL) is not None


matched("IA03", "T0", "stars are compared literally", lambda pattern, text: pattern == text)
matched(
    "IA03b",
    "T1",
    "a star is one at the end only",
    lambda p, t: t.startswith(p[:-1]) if p.endswith("*") else p == t,
)
matched(
    "IA03c",
    "T1",
    "a star is at least one",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(".*", ".+"), t, re.DOTALL)),
)
matched(
    "IA03d",
    "T1",
    "a star stops at a slash",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(".*", "[^/]*"), t, re.DOTALL)),
)
matched(
    "IA03e", "T1", "a star stops at a line's end", lambda p, t: bool(re.fullmatch(_regex(p), t))
)
matched(
    "IA07", "T4", "patterns match as prefixes", lambda p, t: bool(re.match(_regex(p), t, re.DOTALL))
)
matched(
    "IA08",
    "T4",
    "patterns match as substrings",
    lambda p, t: bool(re.search(_regex(p), t, re.DOTALL)),
)
matched(
    "IA08b",
    "T4",
    "patterns match as ends",
    lambda p, t: bool(re.search(_regex(p) + r"\Z", t, re.DOTALL)),
)
matched(
    "IA08c",
    "T4",
    "a newline at the end is overlooked",
    lambda p, t: bool(re.match(_regex(p) + "$", t, re.DOTALL)),
)
matched("IA12", "T4", "case is ignored", _without_case)
matched("IA12b", "T4", "letters are normalised", _composed)
matched("IA15", "T1", "patterns are those of a shell", lambda p, t: fnmatchcase(t, p))
matched(
    "IA15b",
    "T1",
    "a question mark is any character",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(r"\?", "."), t, re.DOTALL)),
)
matched(
    "IA15c",
    "T1",
    "a dot is any character",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(r"\.", "."), t, re.DOTALL)),
)
matched(
    "IA15d",
    "T4",
    "a bar is an alternative",
    lambda p, t: any(re.fullmatch(_regex(q), t, re.DOTALL) for q in p.split("|")),
)
matched(
    "IA15e",
    "T1",
    "per cent and underscore are SQL's",
    lambda p, t: bool(re.fullmatch(_regex(p).replace("%", ".*").replace("_", "."), t, re.DOTALL)),
)
matched("IA17", "T2", "many stars cost without bound", _many_stars)
matched(
    "IA18",
    "T4",
    "a star in the request matches",
    lambda p, t: t == "*" or bool(re.fullmatch(_regex(p), t, re.DOTALL)),
)
matched(
    "IA19",
    "T1",
    "blanks around are stripped",
    lambda p, t: bool(re.fullmatch(_regex(p.strip()), t.strip(), re.DOTALL)),
)

changed("IA04", "T4", "the principal is ignored", lambda p: replace(p, principals=("*",)))
changed("IA05", "T4", "the resource is ignored", lambda p: replace(p, resources=("*",)))
changed("IA05b", "T4", "the action is ignored", lambda p: replace(p, actions=("*",)))
changed(
    "IA20",
    "T1",
    "the first of a list alone counts",
    lambda p: replace(p, resources=p.resources[:1], principals=p.principals[:1]),
)
changed("IA21", "T4", "conditions are ignored", lambda p: replace(p, conditions=Conditions()))
changed(
    "IA21b",
    "T4",
    "conditions on the tenant are ignored",
    lambda p: replace(p, conditions=replace(p.conditions, tenants=())),
)
changed(
    "IA21c",
    "T4",
    "conditions on tags are ignored",
    lambda p: replace(p, conditions=replace(p.conditions, tags=())),
)
changed(
    "IA21d",
    "T4",
    "the end of a window is ignored",
    lambda p: replace(p, conditions=replace(p.conditions, not_after=None)),
)
changed(
    "IA21e",
    "T4",
    "conditions on the region are ignored",
    lambda p: replace(p, conditions=replace(p.conditions, regions=())),
)
changed(
    "IA21f",
    "T4",
    "one tag of several is enough",
    lambda p: replace(p, conditions=replace(p.conditions, tags=p.conditions.tags[:1])),
)
changed(
    "IA02",
    "T0",
    "deny is ignored",
    lambda p: replace(p, principals=()) if p.effect is Effect.DENY else p,
)
changed(
    "IA02b",
    "T4",
    "deny counts only where its resource has no star",
    lambda p: replace(p, actions=()) if p.effect is Effect.DENY and "*" in p.resources[0] else p,
)
changed("IA02c", "T4", "deny counts as allow", lambda p: replace(p, effect=Effect.ALLOW))

viewed("IA22", "T4", "groups are forgotten", lambda a: replace(a, groups=frozenset()))
viewed("IA22b", "T4", "everyone is staff", lambda a: replace(a, groups=a.groups | {"staff"}))
viewed(
    "IA22c",
    "T4",
    "groups are folded",
    lambda a: replace(a, groups=frozenset(map(str.lower, a.groups))),
)
viewed("IA23", "T1", "moments are cut to minutes", lambda a: replace(a, at=a.at // 60 * 60))
viewed("IA24", "T1", "the moment asked about is ignored", lambda a: replace(a, at=1.7e9))


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


class Evaluator:
    """An evaluator of a provider's own, around a right one."""

    def __init__(self, inner: Any, policy_set: Any = None) -> None:
        self.inner = inner
        self.policy_set = policy_set

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def around(id_: str, tier: str, summary: str) -> Callable[[type[Evaluator]], type[Evaluator]]:
    """Enter an evaluator that is wrong itself, over a right driver."""

    def enter(kind: type[Evaluator]) -> type[Evaluator]:
        async def portable(self: Any, world: Any, policy_set: Any = None) -> Any:
            inner = await IAMContract.portable(self, world, _lenient(policy_set))
            return kind(inner, policy_set)

        contract = type(f"{kind.__name__}Contract", (IAMContract,), {"portable": portable})
        broken(id_, tier, summary, contract, lambda _: memory_world(MemoryIAM))(MemoryIAM)
        return kind

    return enter


def _lenient(policy_set: Any) -> Any:
    """The rules without those that have mistakes, as a careless evaluator skips them."""
    if policy_set is None:
        return None
    right = []
    for each in policy_set:
        try:
            parse_policies([each])
        except InvalidArgumentError:
            continue
        right.append(each)
    return right


@around("IA40", "T4", "a rule without an action allows")
class BadRuleAllows(Evaluator):
    async def is_allowed(self, *request: Any, **facts: Any) -> bool:
        if self.policy_set is not None and len(_lenient(self.policy_set)) < len(self.policy_set):
            return True
        return bool(await self.inner.is_allowed(*request, **facts))


@around("IA16", "T1", "an empty resource is allowed by any rule")
class EmptyResourceAllowed(Evaluator):
    async def is_allowed(self, principal: Any, action: Any, resource: Any, **facts: Any) -> bool:
        return resource == "" or bool(
            await self.inner.is_allowed(principal, action, resource, **facts)
        )


@around("IA16b", "T1", "without a resource the star matches")
class NoneIsAll(Evaluator):
    async def is_allowed(self, principal: Any, action: Any, resource: Any, **facts: Any) -> bool:
        resource = "None" if resource is None else resource
        return bool(await self.inner.is_allowed(principal, action, resource, **facts))


@around("IA16c", "T4", "what is no text is made some")
class MakesText(Evaluator):
    async def is_allowed(self, *request: Any, **facts: Any) -> bool:
        texts = [part if part in (None, "") else str(part) for part in request]
        return bool(await self.inner.is_allowed(*texts, **facts))


@around("IA41", "T1", "the answer is the decision, which is always true")
class AnswersDecision(Evaluator):
    async def is_allowed(self, *request: Any, **facts: Any) -> Any:
        return await self.inner.explain(*request, **facts)


@around("IA42", "T4", "a set with a mistake is taken without it")
class TakesHalf(Evaluator):
    async def replace(self, policy_set: Any) -> None:
        await self.inner.replace(_lenient(policy_set))


@around("IA43", "T3", "questions are answered after the close")
class NeverClosed(Evaluator):
    async def aclose(self) -> None:
        await asyncio.sleep(0)
