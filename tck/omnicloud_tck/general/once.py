"""What each contract can tell of a request that was done twice, or told as not done, when slow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from omnicloud.contracts.breaker import BreakerFeature
from omnicloud.contracts.breaker import driver as breaker
from omnicloud.contracts.cache import CacheFeature
from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.documents import Documents, where
from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.contracts.iam import driver as iam
from omnicloud.contracts.iam.models import Effect, Policy
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.locks import driver as locks
from omnicloud.contracts.messaging import driver as messaging
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects import uploads
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.outbox import driver as outbox
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.contracts.sagas import driver as sagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.contracts.secrets import SecretsFeature
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.core.circuit import CircuitSettings, Permit, Verdict
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import equal, that, together
from omnicloud_tck.world import World

__all__ = ["done_once"]

Pipe = Pipeline[Any]
Slow = Callable[[], AbstractAsyncContextManager[None]]

_LEASE = 300.0
_GIVEN_UP = (UnavailableError, DeadlineExceededError)
_MILLISECONDS = (300.0, 100.0, 50.0)
"""Each way; the first is longer than the patience of who asks again too soon."""
_VIRTUAL_MILLISECONDS = (12_000.0, 3000.0, 700.0, *_MILLISECONDS)
"""Where waiting costs nothing, longer than that of most."""


async def done_once(contract: str, world: World[Any]) -> None:
    """Ask for what can be done once only while the backend is slow; look at it afterwards.

    A driver that gives a slow answer up, and says so, is asked again of a faster backend.
    """
    ask, pipe = _ASKING.get(contract), await world.pipeline()
    if ask is None:
        return
    lots = _VIRTUAL_MILLISECONDS if world.virtual else _MILLISECONDS
    for milliseconds in lots:
        try:
            await ask(pipe, partial(world.slow, milliseconds), f"{milliseconds:g}-")
            break
        except _GIVEN_UP:
            that(milliseconds != lots[-1], f"an answer late by {milliseconds:g} ms fails")


async def _sent(pipe: Pipe, slow: Slow, *ops: Operation[Any, Any]) -> list[Any]:
    """The answers to requests sent at once while the backend is slow; ``None`` to undeclared."""
    async with slow():
        answers = await together(*(_answer(pipe, op) for op in ops))
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, _GIVEN_UP)):
        raise error
    return answers


async def _answer(pipe: Pipe, op: Operation[Any, Any]) -> Any:
    return await pipe.send(op) if op.needs() <= pipe.driver.features else None


async def _kv(pipe: Pipe, slow: Slow, at: str) -> None:
    old = await pipe.send(kv.Set(f"{at}swapped", b"old"))
    await pipe.send(kv.Set(f"{at}gone", b"old"))
    version, total, _, _, gone = await _sent(
        pipe,
        slow,
        kv.Set(f"{at}set", b"new"),
        kv.Increment(f"{at}n", 5),
        kv.Set(f"{at}created", b"new", if_absent=True),
        kv.Set(f"{at}swapped", b"new", if_version=old),
        kv.Delete(f"{at}gone"),
    )
    record = await pipe.send(kv.Get(f"{at}set"))
    equal(version, record and record.version, "the version that a slow set answered")
    equal(True, gone, "whether a slow delete found what it deleted")
    if total is not None:
        counted = await pipe.send(kv.Get(f"{at}n"))
        equal((5, b"5"), (total, counted and counted.value), "a slow increment by 5")


async def _cache(pipe: Pipe, slow: Slow, at: str) -> None:
    if CacheFeature.CROSS_PROCESS_FLIGHT in pipe.driver.features:
        await pipe.send(cache.Claim(f"{at}filled", "me", _LEASE))
        fill = cache.Fill(f"{at}filled", "me", b"x")
        answers = await _sent(pipe, slow, fill, cache.Claim(f"{at}claimed", "me", _LEASE))
        equal([True, True], answers, "a slow fill and a slow claim")


async def _objects(pipe: Pipe, slow: Slow, at: str) -> None:
    old = await pipe.send(objects.Put(f"{at}swapped", b"old"))
    upload: str = await pipe.send(uploads.BeginUpload(f"{at}parts"))
    tag: str = await pipe.send(uploads.UploadPart(f"{at}parts", upload, 1, 0, b"x", last=True))
    version, _, _, whole = await _sent(
        pipe,
        slow,
        objects.Put(f"{at}put", b"new"),
        objects.Put(f"{at}created", b"new", if_absent=True),
        objects.Put(f"{at}swapped", b"new", if_version=old),
        uploads.CompleteUpload(f"{at}parts", upload, (PartTag(1, tag),)),
    )
    for key, answered in (("put", version), ("parts", whole)):
        info = await pipe.send(objects.Stat(f"{at}{key}"))
        equal(answered, info and info.version, f"the version that a slow write of {key} answered")


async def _documents(pipe: Pipe, slow: Slow, at: str) -> None:
    added = (Change(ChangeKind.INC, ("n",), 1), Change(ChangeKind.PUSH, ("l",), 1))
    for name in ("added", "deleted"):
        await pipe.send(documents.Insert(f"{at}c", {"_id": name, "n": 0}))
    _, _, upserted, deleted = await _sent(
        pipe,
        slow,
        documents.Insert(f"{at}c", {"_id": "inserted"}),
        documents.Update(f"{at}c", where({"_id": "added"}), added),
        documents.Update(f"{at}c", where({"_id": "upserted"}), added, upsert_id="upserted"),
        documents.Delete(f"{at}c", where({"_id": "deleted"})),
    )
    equal((0, "upserted"), (upserted.matched, upserted.upserted_id), "a slow upsert")
    equal(True, deleted, "whether a slow delete found what it deleted")
    found = {row["_id"]: row for row in await Documents(pipe).find_many(f"{at}c", {})}
    equal(["added", "inserted", "upserted"], sorted(found), "documents after slow changes")
    for name in ("added", "upserted"):
        equal((1, [1]), (found[name]["n"], found[name]["l"]), f"what was {name} slowly")


async def _secrets(pipe: Pipe, slow: Slow, at: str) -> None:
    await pipe.send(secrets.Set(f"{at}gone", b"x"))
    version, gone = await _sent(
        pipe, slow, secrets.Set(f"{at}s", b"x"), secrets.Delete(f"{at}gone")
    )
    equal(True, gone, "whether a slow delete found what it deleted")
    if SecretsFeature.VERSIONS in pipe.driver.features:
        listed = await pipe.send(secrets.ListVersions(f"{at}s"))
        equal([version], [info.version for info in listed], "versions after one slow set")


async def _messaging(pipe: Pipe, slow: Slow, at: str) -> None:
    await pipe.send(messaging.Subscribe(f"{at}t", "g"))
    for number in range(4):
        await pipe.send(messaging.Publish(f"{at}t", (Outgoing(f"m-{number}", b"x"),)))
    lent: list[Any] = []
    for _ in range(4):
        more = await pipe.send(messaging.Receive(f"{at}t", "g", 4 - len(lent), 0.5, _LEASE))
        lent += more
        if len(lent) == 4:
            break
    acked, back, killed, held = (one.receipt for one in lent)
    *said, extended, _ = await _sent(
        pipe,
        slow,
        messaging.Ack(f"{at}t", "g", acked),
        messaging.Nack(f"{at}t", "g", back, 60.0),
        messaging.Kill(f"{at}t", "g", killed, "on purpose"),
        messaging.Extend(f"{at}t", "g", (held,), _LEASE),
        messaging.Publish(f"{at}t", (Outgoing("slow", b"x"),)),
    )
    equal([True, True, True], said, "slow settlements of what was held")
    equal((held,), extended, "a slow extension of what was held")
    depth = await pipe.send(messaging.Measure(f"{at}t", "g"))
    found = (depth.ready, depth.in_flight, depth.waiting, depth.dead)
    equal((1, 1, 1, 1), found, "messages ready, lent, waiting and dead after slow calls")
    equal([1], await _sent(pipe, slow, messaging.Redrive(f"{at}t", "g")), "letters slowly redriven")


async def _outbox(pipe: Pipe, slow: Slow, at: str) -> None:
    for name in ("parked", "failed"):
        await pipe.send(outbox.Save(f"{at}s", NewEvent(name, "t", b"x")))
        await pipe.send(outbox.Claim(f"{at}s", "me", 1, 0.0, _LEASE))
    await pipe.send(outbox.Fail(f"{at}s", "me", "parked", 0.0, park=True))
    _, requeued, _ = await _sent(
        pipe,
        slow,
        outbox.Fail(f"{at}s", "me", "failed", 60.0),
        outbox.Requeue(f"{at}s", "parked"),
        outbox.Save(f"{at}s", NewEvent("slow", "t", b"x", None, "agg")),
    )
    equal(True, requeued, "whether a slow requeue found what was parked")
    listed = await pipe.send(outbox.ListEvents(f"{at}s", EventStatus.PENDING, every=True))
    found = sorted((one.event_id, one.attempts, one.sequence_id) for one in listed)
    expected = [("failed", 1, None), ("parked", 0, None), ("slow", 0, 1)]
    equal(expected, found, "events, their attempts and numbers after slow calls")


async def _sagas(pipe: Pipe, slow: Slow, at: str) -> None:
    await pipe.send(sagas.Create(f"{at}s", _saga("held", 0), "me", _LEASE))
    _, version, kept = await _sent(
        pipe,
        slow,
        sagas.Create(f"{at}s", _saga("slow", 0)),
        sagas.Update(f"{at}s", _saga("held", 1)),
        sagas.Keep(f"{at}s", "held", "me", _LEASE),
    )
    equal((2, True), (version, kept), "a slow update, and keeping a lease slowly")
    for name, expected in (("slow", 1), ("held", 2)):
        record = await pipe.send(sagas.Get(f"{at}s", name))
        equal(expected, record and record.version, f"the version of {name!r} after slow calls")


def _saga(name: str, version: int) -> SagaRecord:
    return SagaRecord(name, "RUNNING", None, (), b"{}", version)


async def _locks(pipe: Pipe, slow: Slow, at: str) -> None:
    await pipe.send(locks.Acquire(f"{at}held", "me", _LEASE))
    grant, kept = await _sent(
        pipe, slow, locks.Acquire(f"{at}slow", "me", _LEASE), locks.Renew(f"{at}held", "me", _LEASE)
    )
    equal((True, True), (grant is not None, kept), "a slow acquisition and a slow renewal")
    again = await pipe.send(locks.Acquire(f"{at}slow", "me", _LEASE))
    equal(grant, again, "the grant that its owner has")


async def _breaker(pipe: Pipe, slow: Slow, at: str) -> None:
    if BreakerFeature.SHARED in pipe.driver.features:
        settings = CircuitSettings()
        passed = await pipe.send(breaker.Admit(f"{at}c", settings, "first"))
        permit = passed.permit or Permit(passed.reading.generation)
        report = breaker.Report(f"{at}c", settings, permit, Verdict.FAILURE, 0.1)
        await _sent(pipe, slow, report)
        reading = await pipe.send(breaker.Look(f"{at}c", settings))
        equal(1, reading.failures, "failures after one slow report")


async def _iam(pipe: Pipe, slow: Slow, at: str) -> None:
    policies = (Policy(f"{at}rule", Effect.ALLOW, ("user:a",), ("kv:read",), ("k",)),)
    put = iam.PutPolicies(policies)
    if put.needs() <= pipe.driver.features:
        await _sent(pipe, slow, put)
        equal([policies], await _sent(pipe, slow, iam.GetPolicies()), "rules that were put slowly")


_ASKING: dict[str, Callable[[Pipe, Slow, str], Awaitable[None]]] = {
    "kv": _kv,
    "cache": _cache,
    "objects": _objects,
    "documents": _documents,
    "secrets": _secrets,
    "messaging": _messaging,
    "outbox": _outbox,
    "sagas": _sagas,
    "locks": _locks,
    "breaker": _breaker,
    "iam": _iam,
}
