"""Locks, breaker and iam drivers that are wrong in one verb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.models import Decision, Policy
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.core.circuit import Permit, Verdict
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.locks import LocksContract


def _in(prefix: str, contract: Any) -> Any:
    return lambda number, tier, summary: broken(f"VERB-{prefix}-{number}", tier, summary, contract)


locks = _in("LO", LocksContract)
breaker = _in("CB", BreakerContract)
iam = _in("IA", IAMContract)


@locks("01", "T1", "a token is smaller after a release than before")
class TokenFalls(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None:
            return None
        given = self._store.rows("given")
        first = given.setdefault((op.lock, op.owner), 1_000_000 - len(given))
        return Grant(first)


@locks("02", "T2", "a waiter that gives up keeps its place until its time in the line ends")
class PlaceStays(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        line = self._line(op.lock)
        kept = line.waiting
        await super().release(op)
        after = self._line(op.lock)
        self._keep(op.lock, replace(after, waiting=kept))


@locks("03", "T1", "renewing one permit renews all")
class RenewsAll(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        done = await super().renew(op)
        if done:
            line = self._line(op.lock)
            until = self._now() + op.ttl
            holders = tuple(p._replace(until=max(p.until, until)) for p in line.holders)
            self._keep(op.lock, replace(line, holders=holders))
        return done


@locks("04", "T1", "two permits of one lock have one token")
class OneToken(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        if grant is None or op.permits == 1:
            return grant
        line = self._line(op.lock)
        return Grant(min(p.token for p in line.holders))


@breaker("01", "T1", "a trial that is answered, though with the caller's mistake, re-opens")
class AnsweredFails(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        if op.permit.trial and op.verdict is Verdict.ANSWERED:
            op = replace(op, verdict=Verdict.FAILURE)
        return await super().report(op)


@breaker("02", "T1", "an admission asked again with its ticket is a second trial")
class TicketAgain(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        return await super().admit(replace(op, ticket=f"{op.ticket}-{self._store.number()}"))


@breaker("03", "T1", "resetting leaves the failures counted")
class ResetCounts(MemoryBreaker):
    async def reset(self, op: Reset, /) -> Reading:
        failures = self._circuit(op.circuit).failures
        answer = await super().reset(op)
        held = self._circuit(op.circuit)
        self._keep(op.circuit, replace(held, failures=failures))
        return answer


@breaker("04", "T1", "looking at an open circuit tells 0 seconds to wait")
class NoWaitTold(MemoryBreaker):
    async def look(self, op: Look, /) -> Reading:
        return replace(await super().look(op), retry_after=0.0)


@breaker("05", "T2", "a report with the permit of another trial ends the trial")
class AnyTrial(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        held = self._circuit(op.circuit)
        if held.trial and op.permit.generation == held.generation:
            op = replace(op, permit=Permit(held.generation, held.trial))
        return await super().report(op)


@breaker("06", "T1", "slow calls are counted only when they fail")
class SlowOnlyFailed(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        return await super().report(replace(op, took=0.0) if op.verdict is Verdict.SUCCESS else op)


@iam("01", "T4", "group names match without case")
class GroupCase(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        groups = op.access.groups | {g.lower() for g in op.access.groups}
        return await super().decide(replace(op, access=replace(op.access, groups=groups)))


@iam("02", "T4", "a principal that is called like a group is its member")
class NamedGroup(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        access = op.access
        if isinstance(access.principal, str):
            access = replace(access, groups=access.groups | {access.principal})
        return await super().decide(replace(op, access=access))


@iam("03", "T1", "rules are told in the order of their ids")
class SortedRules(MemoryIAM):
    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        return tuple(sorted(await super().get_policies(op), key=lambda p: p.id))


@iam("04", "T4", "of a rule's tags one that matches is enough")
class AnyTag(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(
            replace(
                op,
                policies=tuple(
                    replace(p, conditions=replace(p.conditions, tags=p.conditions.tags[:1]))
                    for p in op.policies
                ),
            )
        )


@iam("05", "T4", "a request without a tenant meets every condition about tenants")
class NoTenantPasses(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        access = op.access
        if access.tenant is None:
            for policy in self._policies():
                for pattern in policy.conditions.tenants:
                    made = replace(access, tenant=pattern.replace("*", "x"))
                    decision = await super().decide(replace(op, access=made))
                    if decision.allowed:
                        return decision
        return await super().decide(op)


@iam("06", "T1", "the last moment of a window is in it")
class EndInclusive(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        def wider(p: Policy) -> Policy:
            end = p.conditions.not_after
            more = None if end is None else end + 0.001
            return replace(p, conditions=replace(p.conditions, not_after=more))

        await super().put_policies(replace(op, policies=tuple(map(wider, op.policies))))
