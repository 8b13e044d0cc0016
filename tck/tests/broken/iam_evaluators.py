"""Evaluators of a provider's own that are wrong, over right iam drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from broken.registry import broken
from memory_world import memory_world
from omnicloud.contracts.iam.parse import parse_policies
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


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
