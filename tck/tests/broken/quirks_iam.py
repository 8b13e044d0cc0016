"""iam drivers of the kinds that odd ones made by machine showed to be unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.models import Decision, Policy, Reason
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract

_HOUR = 3600.0
_POOL = 40


def iam(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-IA-{number}", tier, summary, IAMContract)


@iam("01", "T3", "after an hour's rest the rules are told in two days")
class Late(MemoryIAM):
    """It waits for the answer on a connection that is dead, and then takes another."""

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        now, last = self._store.clock.monotonic, self._store.rows(("told last", *self._table))
        if now() - last.get("at", now()) > _HOUR:
            await asyncio.sleep(2 * 24 * _HOUR)
        last["at"] = now()
        return await super().get_policies(op)


@iam("02", "T3", "a look at the rules that is cancelled keeps its place among forty")
class LeakedPlaces(MemoryIAM):
    """A pool that is given nothing back by who was cancelled."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._places = asyncio.Semaphore(_POOL)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        await self._places.acquire()
        try:
            found = await super().get_policies(op)
        except Exception:
            self._places.release()
            raise
        self._places.release()
        return found


@iam("03", "T2", "the first ten groups of who asks are looked at")
class TenGroups(MemoryIAM):
    """Whoever is in many is refused what one of them may do, or allowed what one may not."""

    async def decide(self, op: Decide, /) -> Decision:
        some = frozenset(sorted(op.access.groups)[:10])
        return await super().decide(Decide(replace(op.access, groups=some)))


@iam("04", "T2", "of a list in a rule the first hundred patterns are kept")
class HundredPatterns(MemoryIAM):
    """What a page of the store's own holds."""

    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(PutPolicies(tuple(map(_cut, op.policies))))


def _cut(policy: Policy) -> Policy:
    return replace(
        policy,
        principals=policy.principals[:100],
        actions=policy.actions[:100],
        resources=policy.resources[:100],
    )


@iam("05", "T2", "who has a quote in the name is nobody")
class Quoted(MemoryIAM):
    """The question is put into a query's text; what cannot be read there is denied."""

    async def decide(self, op: Decide, /) -> Decision:
        decision = await super().decide(op)
        if any(mark in op.access.principal for mark in "'\"`<>&"):
            return Decision(False, Reason.NO_RULE)
        return decision


@iam("06", "T2", "of more than four looks at the rules at once those after them see none")
class NoRules(MemoryIAM):
    """They are told from a cursor that the first ones hold."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._looking = 0

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        self._looking += 1
        try:
            found = await super().get_policies(op)
            return found if self._looking < 5 else ()
        finally:
            self._looking -= 1


@iam("07", "T2", "of more than ten tags of a question the first ten are known")
class TenTags(MemoryIAM):
    """The rest is unknown, which allows nothing and denies much."""

    async def decide(self, op: Decide, /) -> Decision:
        some = dict([*op.access.tags.items()][:10])
        return await super().decide(Decide(replace(op.access, tags=some)))
