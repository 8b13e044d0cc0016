"""Rules that are wrong in the ways of a table, a cache in front of it, or a hasty matcher."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Hashable
from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Decision, Effect, Policy
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


@broken("B5-IA-01", "T0", "rules are put beside the others by their ids", IAMContract)
class Upserts(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        kept = {policy.id: policy for policy in (*self._policies(), *op.policies)}
        await super().put_policies(PutPolicies(tuple(kept.values())))


@broken("B5-IA-02", "T1", "a star is at least one character", IAMContract)
class AtLeastOne(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        access = op.access

        def holds(patterns: tuple[str, ...], text: str) -> tuple[str, ...]:
            sources = (re.escape(one).replace(r"\*", ".+") for one in patterns)
            return ("*",) if any(re.fullmatch(one, text, re.S) for one in sources) else ()

        rules = tuple(
            replace(
                rule,
                actions=holds(rule.actions, access.action),
                resources=holds(rule.resources, access.resource),
            )
            for rule in self._policies()
        )
        return evaluate(rules, access)


@broken("B5-IA-03", "T2", "rules are put one effect after the other", IAMContract)
class OneAfterTheOther(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        allows = tuple(one for one in op.policies if one.effect is Effect.ALLOW)
        old = tuple(one for one in self._policies() if one.effect is Effect.DENY)
        await super().put_policies(PutPolicies(allows + old))
        await asyncio.sleep(0)
        await super().put_policies(op)


class _Remembering(MemoryIAM):
    """Keeps its decisions until rules are put."""

    def place(self, access: Access) -> Hashable:
        raise AssertionError

    def kept(self) -> dict[Hashable, Decision]:
        found: dict[Hashable, Decision] = self._store.rows(("decisions", self._table))
        return found

    async def decide(self, op: Decide, /) -> Decision:
        place, kept = self.place(op.access), self.kept()
        if place not in kept:
            kept[place] = await super().decide(op)
        await self._store.reading()
        return kept[place]

    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(op)
        self.kept().clear()


def _all(access: Access) -> tuple[Hashable, ...]:
    tags = tuple(sorted(access.tags.items()))
    return (access.principal, access.action, access.resource, access.groups, access.region, tags)


@broken("B5-IA-04", "T2", "decisions outlive rules that another client puts", IAMContract)
class OwnDecisions(_Remembering):
    _own: dict[Hashable, Decision] | None = None

    def kept(self) -> dict[Hashable, Decision]:
        self._own = {} if self._own is None else self._own
        return self._own

    def place(self, access: Access) -> Hashable:
        return (*_all(access), access.tenant, access.at)


@broken("B5-IA-05", "T3", "a decision is remembered past the end of its rule", IAMContract)
class PastTheEnd(_Remembering):
    def place(self, access: Access) -> Hashable:
        return (*_all(access), access.tenant)


@broken("B5-IA-06", "T4", "putting no rules changes nothing", IAMContract)
class NeverNone(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        await self._store.reading()
        if op.policies:
            await super().put_policies(op)


@broken("B5-IA-07", "T4", "a decision for one tenant is remembered for all", IAMContract)
class ForAllTenants(_Remembering):
    def place(self, access: Access) -> Hashable:
        return (*_all(access), access.at)


@broken("B5-IA-08", "T4", "one of the tags that a rule wants is enough", IAMContract)
class OneTag(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(
            tuple(each for rule in self._policies() for each in _by_tag(rule)), op.access
        )


def _by_tag(rule: Policy) -> tuple[Policy, ...]:
    tags = rule.conditions.tags
    if not tags:
        return (rule,)
    return tuple(replace(rule, conditions=replace(rule.conditions, tags=(one,))) for one in tags)
