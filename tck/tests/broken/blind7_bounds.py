"""Drivers with a bound that they do not tell, or a wait that they cut, as services have them."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.breaker.driver import Report
from omnicloud.contracts.breaker.models import Reading
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.models import Container, ExecResult, State
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision
from omnicloud.contracts.locks.driver import Acquire, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.contracts.messaging.driver import Kill, Redrive
from omnicloud.contracts.outbox.driver import Claim, Requeue
from omnicloud.contracts.outbox.models import EventRecord
from omnicloud.contracts.sagas.driver import Create, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox, _claimable
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.containers import ContainersContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract


# clause: redrive "with none given, all of them"
# app: an outage that left more than a hundred dead letters
@broken("B7-MS-51", "T1", "a redrive moves a hundred letters at most", MessagingContract)
class RedrivesAPage(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        topic.redrive(chosen[:100])
        self._store.tell()
        return len(chosen[:100])


# clause: "then the dead-letter topic with payload, key and headers whole"
# app: a payload of a megabyte that cannot be handled
@broken("B7-MS-54", "T1", "the payload of a dead letter is cut at 256 KiB", MessagingContract)
class CutsTheDead(MemoryMessaging):
    async def kill(self, op: Kill, /) -> bool:
        group, entry = await self._held(op.topic, op.group, op.receipt)
        if group is not None and entry is not None:
            entry.stored = replace(entry.stored, payload=entry.stored.payload[: 256 << 10])
        return await super().kill(op)


# clause: redrive "go behind what waits"
# app: a key with messages before the group when an old letter is redriven
@broken("B7-MS-55", "T2", "a redriven message takes its old place", MessagingContract)
class RedrivesToTheFront(MemoryMessaging):
    async def redrive(self, op: Redrive, /) -> int:
        topic = await self._topic(op.topic)
        chosen = [one for one in topic.dead(op.group) if not op.ids or one.stored.id in op.ids]
        for one in chosen:
            queue = topic.groups[one.group]
            del queue.dead[one.number]
            if one.stored.number not in queue.entries:
                queue.add(one.stored)
        self._store.tell()
        return len(chosen)


# clause: Claim "Claim at most `most` events, oldest first" of those that are free
# app: an aggregate that is parked with a hundred events behind it
@broken("B7-OX-51", "T2", "claim looks at the hundred oldest events only", OutboxContract)
class LooksAtAHundred(MemoryOutbox):
    async def claim(self, op: Claim, /) -> tuple[EventRecord, ...]:
        until = self._now() + op.wait
        while True:
            await self._turn()
            now, rows = self._now(), self._rows("open", op.space)
            found = _claimable(dict(list(rows.items())[:100]), now, op.most)
            for row in found:
                claimed = replace(row, owner=op.owner, claimed_until=now + op.lease)
                rows[row.event.event_id] = claimed
            if found or now >= until:
                return tuple(row.record() for row in found)
            await self._store.changed(min(until - now, 1.0))


# clause: Requeue "Make a parked event pending in its old place"
# app: an aggregate's poison event is requeued with others behind it
@broken("B7-OX-52", "T2", "a requeued event goes to the end", OutboxContract)
class RequeuesAtTheEnd(MemoryOutbox):
    async def requeue(self, op: Requeue, /) -> bool:
        done = await super().requeue(op)
        if done:
            rows = self._rows("open", op.space)
            row = rows.pop(op.event_id)
            rows[op.event_id] = replace(row, number=self._store.number())
        return done


# clause: ListSagas "Sagas of a status ..., those after `after`", `limit`
# app: more than fifty running sagas
@broken("B7-SA-51", "T1", "a list has fifty sagas at most, whatever is asked", SagaContract)
class ListsFifty(MemorySagas):
    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        return await super().list_sagas(replace(op, limit=min(op.limit, 50)))


# clause: SagaLimits.history_max_entries 10,000; "history: What happened, oldest first"
# app: a saga with a hundred steps, three entries each
@broken("B7-SA-52", "T1", "the newest 256 entries of a history are kept", SagaContract)
class KeepsShortHistories(MemorySagas):
    async def create(self, op: Create, /) -> None:
        state = replace(op.state, history=op.state.history[-256:])
        await super().create(replace(op, state=state))

    async def update(self, op: Update, /) -> int:
        state = replace(op.state, history=op.state.history[-256:])
        return await super().update(replace(op, state=state))


# clause: Acquire "Hold a name for `ttl` seconds"
# app: a nightly job with a time to live of two hours
@broken("B7-LO-51", "T3", "no grant lives longer than an hour", LocksContract)
class LivesAnHour(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, ttl=min(op.ttl, 3600.0)))

    async def renew(self, op: Renew, /) -> bool:
        return await super().renew(replace(op, ttl=min(op.ttl, 3600.0)))


# clause: Acquire "`None` where it has as many holders as permits"
# app: a semaphore of a hundred uploads (a word of bits)
@broken("B7-LO-52", "T1", "a semaphore has 64 permits at most", LocksContract)
class SixtyFourPermits(MemoryLocks):
    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, permits=min(op.permits, 64)))


# clause: failure_threshold "So many failures in a row open it"
# app: a dependency that is called every two minutes
@broken("B7-BR-51", "T3", "failures are in a row only within a minute", BreakerContract)
class ForgetsFailures(MemoryBreaker):
    async def report(self, op: Report, /) -> Reading:
        await self._store.reading()
        last = self._store.rows(("last", *self._table))
        circuit = self._circuit(op.circuit)
        if self._now() - last.get(op.circuit, self._now()) > 60.0 and circuit.opened_at is None:
            self._keep(op.circuit, replace(circuit, failures=0))
        last[op.circuit] = self._now()
        return await super().report(op)


# clause: "Denied is ... what any rule denies, wherever it stands in the set"
# app: a set of more than a page (100) of rules
@broken("B7-IA-51", "T4", "the first hundred rules decide", IAMContract)
class ReadsAPage(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(self._policies()[:100], op.access)


# clause: Rest "once it has ended for good"
# app: wait() of a worker that is restarted
@broken("B7-CN-51", "T1", "a container that will be restarted has ended", ContainersContract)
class RestsTooSoon(MemoryContainers):
    async def rest(self, op: ops.Rest, /) -> Container:
        box = await self._box(op.container)
        until = self._now() + op.wait
        ended = (State.EXITED, State.RESTARTING)
        while box.state not in ended and self._now() < until:
            await self._later(until - self._now())
            box = await self._box(op.container)
        found = box.seen()
        return replace(found, state=State.EXITED) if found.state in ended else found


# clause: Remove "ConflictError: It has not ended, and `force` is not given"
# app: a clean-up removes what does not run, a crash loop in its pause among it
@broken(
    "B7-CN-52", "T1", "a container between two runs is removed without force", ContainersContract
)
class RemovesTheRestarting(MemoryContainers):
    async def remove(self, op: ops.Remove, /) -> bool:
        await self._store.reading()
        box = self._boxes.get((self._space, op.container))
        between = box is not None and box.state is State.RESTARTING
        return await super().remove(replace(op, force=op.force or between))


# clause: limits.exec_output_max_bytes; "truncated: Whether it wrote more than is kept"
# app: a dump of more than 64 KiB
@broken("B7-CN-53", "T1", "exec keeps 64 KiB of its output and does not say so", ContainersContract)
class KeepsLittle(MemoryContainers):
    async def exec(self, op: ops.Exec, /) -> ExecResult:
        result = await super().exec(op)
        return replace(result, stdout=result.stdout[: 64 << 10])


# clause: HealthCheck.retries "So many failures in a row make a container unhealthy"
# app: a check that fails now and then
@broken("B7-CN-54", "T2", "failed checks add up over those that went well", ContainersContract)
class AddsUpFailures(MemoryContainers):
    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._engine = _Unforgiving(store)


class _Unforgiving(Engine):
    def _check(self, box: Box, turn: int, at: float) -> None:
        before = box.failures
        super()._check(box, turn, at)
        if box.turn == turn and not box.failures:
            box.failures = before
