"""locks, breaker and iam drivers, wrong as others were found to be."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from broken.breaker import AfterTrial
from broken.iam import Judged
from omnicloud.contracts.breaker.driver import Admit, Report
from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Decision, Policy
from omnicloud.contracts.locks import Grant
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import EMPTY_LINE, left
from omnicloud.core.circuit import Circuit, CircuitState, Verdict, state_at
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.locks import MemoryLocks
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.locks import LocksContract
from published import published


@published("P-LK-01", "T2", LocksContract)
class ReleasesAnothers(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        await self._store.reading()
        self._keep(op.lock, EMPTY_LINE)


@published("P-LK-02", "T3", LocksContract)
class RenewalDeletes(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        done = await super().renew(op)
        if done:
            self._keep(op.lock, left(self._line(op.lock), op.owner))
        return done


@published("P-LK-03", "T2", LocksContract)
class ForgetsBeforeRelease(MemoryLocks):
    async def release(self, op: Release, /) -> None:
        forgotten = self.__dict__.setdefault("_wrong_forgotten", set())
        if op.owner in forgotten:
            await asyncio.sleep(0)
            return
        forgotten.add(op.owner)
        await super().release(op)


@published("P-LK-04", "T2", LocksContract)
class NoToken(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        grant = await super().acquire(op)
        return None if grant is None else Grant(0)


@published("P-CB-01", "T2", BreakerContract)
class EveryoneTries(MemoryBreaker):
    async def admit(self, op: Admit, /) -> Admission:
        held = self._circuit(op.circuit)
        if held.trial:
            self._keep(op.circuit, replace(held, trial="", trial_until=0.0))
        return await super().admit(op)


@published("P-CB-02", "T2", BreakerContract)
class CancelledTrialSticks(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        neutral = op.verdict is Verdict.NEUTRAL
        return replace(before, trial_until=1e18) if neutral else after


@published("P-CB-03", "T1", BreakerContract)
class FailedTrialForgotten(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        failed = op.verdict is Verdict.FAILURE
        return replace(before, trial="", trial_until=0.0) if failed else after


@published("P-CB-04", "T2", BreakerContract)
class LateCallDecides(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        held = self._circuit(op.circuit)
        late = op.permit.generation != held.generation
        if late and state_at(held, op.settings, self._now()) is CircuitState.HALF_OPEN:
            after = Circuit(held.generation + 1)
            if op.verdict is Verdict.FAILURE:
                after = replace(after, opened_at=self._now())
            self._keep(op.circuit, after)
        return await super().report(op)


@published("P-IA-01", "T4", IAMContract)
class SlashIsAll(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(tuple(map(self._read, policies)), access)

    def _read(self, policy: Policy) -> Policy:
        wide = tuple(f"{each}*" if each.endswith("/") else each for each in policy.resources)
        return replace(policy, resources=wide)


@published("P-IA-02", "T4", IAMContract)
class FirstWins(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        for policy in policies:
            said = evaluate((policy,), access)
            if said.policy is not None:
                return said
        return evaluate((), access)


@published("P-IA-03", "T4", IAMContract)
class FirstStarEnds(Judged):
    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(tuple(map(self._read, policies)), access)

    def _read(self, policy: Policy) -> Policy:
        return replace(
            policy,
            actions=tuple(map(_cut, policy.actions)),
            resources=tuple(map(_cut, policy.resources)),
        )


def _cut(pattern: str) -> str:
    head, star, _ = pattern.partition("*")
    return head + star


@published("P-LK-05", "T3", LocksContract)
class RenewalsAddUp(MemoryLocks):
    async def renew(self, op: Renew, /) -> bool:
        await self._store.reading()
        mine = [one for one in self._line(op.lock).holders if one.owner == op.owner]
        left_over = max((one.until - self._now() for one in mine), default=0.0)
        return await super().renew(replace(op, ttl=op.ttl + max(0.0, left_over)))


@published("P-CB-05", "T2", BreakerContract)
class AnsweredTrialSticks(AfterTrial):
    def leave(self, before: Circuit, after: Circuit, op: Report) -> Circuit:
        return before if op.verdict is Verdict.ANSWERED else after
