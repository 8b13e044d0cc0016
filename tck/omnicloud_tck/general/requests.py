"""One request of every verb of each contract, with payloads that can be known again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.breaker import BreakerFeature
from omnicloud.contracts.breaker import driver as breaker
from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.containers import ContainerSpec, attached, images
from omnicloud.contracts.containers import driver as containers
from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.documents import where
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.contracts.iam import driver as iam
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
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.core.circuit import CircuitSettings, Permit, Verdict
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline

__all__ = ["requests_of"]

Pipe = Pipeline[Any]
Requests = list[Operation[Any, Any]]

_LEASE = 300.0
_FAR = 4e9  # seconds since 1970: a moment that no message was published after


async def requests_of(contract: str, pipe: Pipe, payload: bytes) -> Requests:
    """What can be asked of this driver, reads after writes; what they need is there.

    Only requests whose features are declared. ``payload`` is text in UTF-8 and stands
    wherever a request has room for a payload.
    """
    made = await _MAKERS[contract](pipe, payload)
    return [op for op in made if op.needs() <= pipe.driver.features]


async def _kv(pipe: Pipe, payload: bytes) -> Requests:
    changes = kv.Changes("")
    cursor = None
    if changes.needs() <= pipe.driver.features:
        cursor = (await pipe.send(changes)).cursor
    return [
        kv.Set("k", payload),
        kv.SetMany((("l", payload),)),
        kv.Increment("n"),
        kv.Get("k"),
        kv.GetMany(("k", "l")),
        kv.Scan(),
        kv.Changes("", cursor),
        kv.Delete("gone"),
        kv.DeleteMany(("gone",)),
    ]


async def _cache(pipe: Pipe, payload: bytes) -> Requests:
    await pipe.send(cache.Set("k", payload))
    return [
        cache.Set("k", payload, 60.0),
        cache.Touch("k", 60.0),
        cache.Claim("c", "me", _LEASE),
        cache.Fill("c", "me", payload),
        cache.Unclaim("d", "me"),
        cache.Get("k"),
        cache.Clear("gone"),
        cache.Delete("gone"),
    ]


async def _objects(pipe: Pipe, payload: bytes) -> Requests:
    notes = (("note", payload.decode()),)
    await pipe.send(objects.Put("k", payload))
    whole: str = await pipe.send(uploads.BeginUpload("whole"))
    tag: str = await pipe.send(uploads.UploadPart("whole", whole, 1, 0, payload, last=True))
    await pipe.send(uploads.CompleteUpload("whole", whole, (PartTag(1, tag),)))
    upload: str = await pipe.send(uploads.BeginUpload("parts"))
    return [
        objects.Put("k", payload, metadata=notes),
        uploads.BeginUpload("other", metadata=notes),
        uploads.UploadPart("parts", upload, 1, 0, payload, last=True),
        uploads.ListParts("parts", upload),
        uploads.CompleteUpload("parts", upload, (PartTag(1, "another"),)),
        uploads.AbortUpload("parts", upload),
        objects.GetRange("k"),
        objects.GetRange("whole"),
        objects.Stat("k"),
        objects.List(),
        objects.Copy("k", "copied"),
        objects.GetRange("copied"),
        objects.DeleteMany(("gone",)),
        objects.Delete("gone"),
    ]


async def _documents(pipe: Pipe, payload: bytes) -> Requests:
    text = payload.decode()
    by, told = where({"_id": "k"}), where({"more": text})
    await pipe.send(documents.Insert("c", {"_id": "k", "text": text}))
    return [
        documents.Insert("c", {"_id": "l", "text": text, "bytes": payload}),
        documents.Update("c", by, (Change(ChangeKind.SET, ("more",), [text]),)),
        documents.Replace("c", by, {"text": text}),
        documents.Find("c"),
        documents.Find("c", told),
        documents.Count("c"),
        documents.Count("c", told),
        documents.Update("c", told, (Change(ChangeKind.UNSET, ("more",)),)),
        documents.Replace("c", told, {"n": 1}),
        documents.Delete("c", where({"_id": "gone"})),
        documents.Delete("c", told),
        documents.CreateIndex("c", (("n",),)),
    ]


async def _secrets(pipe: Pipe, payload: bytes) -> Requests:
    version: str = await pipe.send(secrets.Set("s", payload))
    return [
        secrets.Set("t", payload),
        secrets.Get("s"),
        secrets.List(),
        secrets.ListVersions("s"),
        secrets.Await("s", version),
        secrets.Delete("gone"),
    ]


async def _messaging(pipe: Pipe, payload: bytes) -> Requests:
    place = ("t", "g")
    await pipe.send(messaging.Subscribe(*place))
    for number in range(5):
        await pipe.send(messaging.Publish("t", (Outgoing(f"m-{number}", payload),)))
    receipts: list[str] = []
    for _ in range(5):
        lent = await pipe.send(messaging.Receive(*place, 5 - len(receipts), 1.0, _LEASE))
        receipts += [one.receipt for one in lent]
        if len(receipts) == 5:
            break
    dead, acked, back, longer, killed = receipts
    await pipe.send(messaging.Kill(*place, dead, "on purpose"))
    return [
        messaging.Subscribe("t", "other"),
        messaging.Publish("t", (Outgoing("new", payload, headers={"h": payload.decode()}),)),
        messaging.Receive(*place, 1, 0.0, _LEASE),
        messaging.Extend(*place, (longer,), _LEASE),
        messaging.Nack(*place, back),
        messaging.Ack(*place, acked),
        messaging.Kill(*place, killed, "on purpose"),
        messaging.Measure(*place),
        messaging.DeadLetters("t"),
        messaging.Redrive("t", "g", ("unknown",)),
        messaging.Cancel("t", "unknown"),
        messaging.Replay(*place, _FAR),
    ]


async def _outbox(pipe: Pipe, payload: bytes) -> Requests:
    for name in ("marked", "failed", "kept", "parked"):
        await pipe.send(outbox.Save("s", NewEvent(name, "t", payload)))
    await pipe.send(outbox.Claim("s", "me", 4, 0.0, _LEASE))
    await pipe.send(outbox.Fail("s", "me", "parked", 0.0, park=True))
    return [
        outbox.Save("s", NewEvent("new", "t", payload, "key", "agg")),
        outbox.ListEvents("s", EventStatus.PENDING, every=True),
        outbox.ListAggregates("s"),
        outbox.Claim("s", "other", 1, 0.0, _LEASE),
        outbox.Keep("s", "me", ("kept",), _LEASE),
        outbox.Fail("s", "me", "failed", 1.0),
        outbox.Mark("s", ("marked",)),
        outbox.Requeue("s", "parked"),
        outbox.Lag("s"),
        outbox.Purge("s", 3600.0),
    ]


async def _sagas(pipe: Pipe, payload: bytes) -> Requests:
    body = b'{"text": "' + payload + b'"}'
    record = SagaRecord("held", "RUNNING", None, (("a", "DONE"),), body, 0)
    await pipe.send(sagas.Create("s", record, "me", _LEASE))
    fresh = SagaRecord("new", "RUNNING", "a", (), body, 0)
    changed = SagaRecord("held", "RUNNING", "b", (), body, 1)
    return [
        sagas.Create("s", fresh),
        sagas.Update("s", changed),
        sagas.Get("s", "held"),
        sagas.ListSagas("s", "RUNNING"),
        sagas.Claim("s", ("RUNNING",), "other", _LEASE, 5),
        sagas.Keep("s", "held", "me", _LEASE),
    ]


async def _locks(pipe: Pipe, payload: bytes) -> Requests:
    await pipe.send(locks.Acquire("held", "me", _LEASE))
    return [
        locks.Acquire("new", "me", _LEASE),
        locks.Acquire("held", "other", _LEASE),
        locks.Renew("held", "me", _LEASE),
        locks.Release("held", "me"),
    ]


async def _breaker(pipe: Pipe, payload: bytes) -> Requests:
    if BreakerFeature.SHARED not in pipe.driver.features:
        return []  # its circuits are in this process, out of reach of any outage
    settings = CircuitSettings()
    await pipe.send(breaker.Admit("c", settings, "first"))
    return [
        breaker.Admit("c", settings, "second"),
        breaker.Report("c", settings, Permit(0), Verdict.FAILURE, 0.1),
        breaker.Look("c", settings),
        breaker.Reset("c", settings),
    ]


async def _iam(pipe: Pipe, payload: bytes) -> Requests:
    put = iam.PutPolicies(())
    if put.needs() <= pipe.driver.features:
        await pipe.send(put)
    return [put, iam.GetPolicies()]


async def _containers(pipe: Pipe, payload: bytes) -> Requests:
    await pipe.send(containers.Run(_program("held")))
    await pipe.send(containers.Run(_program("ended", "exit 0")))
    await pipe.send(containers.Rest("ended", 20.0))
    events = containers.Events()
    cursor = None
    if events.needs() <= pipe.driver.features:
        cursor = (await pipe.send(events)).cursor
    return [
        containers.Run(_program("new")),
        containers.Inspect("held"),
        containers.Find(),
        containers.Start("held"),
        containers.Pause("held"),
        containers.Unpause("held"),
        containers.Update("held", cpu=0.5),
        containers.Logs("held"),
        containers.Exec("held", ("echo", "x"), 1.0),
        containers.Sample("held"),
        containers.Rest("held", 0.1),
        containers.Events("", cursor),
        containers.Restart("ended", 0.0),
        containers.Stop("ended", 0.0),
        containers.Remove("ended", force=True),
        images.ListImages(),
        images.RemoveImage("gone:1"),
        attached.CreateVolume("volume"),
        attached.ListVolumes(),
        attached.RemoveVolume("volume"),
        attached.CreateNetwork("network"),
        attached.ListNetworks(),
        attached.RemoveNetwork("network"),
    ]


def _program(name: str, script: str = "while true; do sleep 0.05; done") -> ContainerSpec:
    return ContainerSpec(name=name, command=("sh", "-c", script))


_MAKERS: dict[str, Callable[[Pipe, bytes], Awaitable[Requests]]] = {
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
    "containers": _containers,
}
