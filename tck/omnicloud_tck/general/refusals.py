"""Requests that a driver has to refuse, with payloads that can be known again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.documents import where
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects import uploads
from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.sagas import driver as sagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline

__all__ = ["refusals_of"]

Pipe = Pipeline[Any]
Requests = list[Operation[Any, Any]]

_WRONG = f"sha256:{'0' * 64}"


async def refusals_of(contract: str, pipe: Pipe, payload: bytes) -> Requests:
    """What this driver refuses, or may: conditions that are not met, checksums that differ.

    Only requests whose features are declared. ``payload`` is text in UTF-8; it is stored
    already where a request meets something, and is in the request where that has room for it.
    """
    maker = _MAKERS.get(contract)
    made = [] if maker is None else await maker(pipe, payload)
    return [op for op in made if op.needs() <= pipe.driver.features]


async def _kv(pipe: Pipe, payload: bytes) -> Requests:
    await pipe.send(kv.Set("refused", payload))
    return [
        kv.Set("refused", payload, if_absent=True),
        kv.Set("refused", payload, if_version="stale"),
        kv.Delete("refused", if_version="stale"),
        kv.Increment("refused"),
    ]


async def _objects(pipe: Pipe, payload: bytes) -> Requests:
    await pipe.send(objects.Put("refused", payload))
    upload: str = await pipe.send(uploads.BeginUpload("refused"))
    tag: str = await pipe.send(uploads.UploadPart("refused", upload, 1, 0, payload, last=True))
    parts = (PartTag(1, tag),)
    return [
        objects.Put("refused", payload, checksum=_WRONG),
        objects.Put("refused", payload, if_absent=True),
        objects.Put("refused", payload, if_version="stale"),
        objects.GetRange("refused", if_version="stale"),
        objects.Copy("refused", "refused", if_absent=True),
        objects.Delete("refused", if_version="stale"),
        uploads.UploadPart("refused", "unknown", 1, 0, payload, last=True),
        uploads.UploadPart("refused", upload, 2, 1 << 16, payload, last=True, checksum=_WRONG),
        uploads.CompleteUpload("refused", upload, parts, if_absent=True),
        uploads.CompleteUpload("refused", upload, parts, checksum=_WRONG),
    ]


async def _documents(pipe: Pipe, payload: bytes) -> Requests:
    text = payload.decode()
    row, by = {"_id": "refused", "text": text}, where({"_id": "refused"})
    await pipe.send(documents.Insert("refused", row))
    for number in range(3):  # a search that is left at the first has others to come
        await pipe.send(documents.Insert("refused", {"_id": f"refused-{number}", "text": text}))
    change = (Change(ChangeKind.SET, ("text",), text),)
    return [
        documents.Insert("refused", row),
        documents.Update("refused", by, (Change(ChangeKind.INC, ("text",), 1),)),
        documents.Update("refused", by, (Change(ChangeKind.PUSH, ("text",), text),)),
        documents.Update("refused", by, change, if_version="stale"),
        documents.Replace("refused", by, {"text": text}, if_version="stale"),
        documents.Update("refused", where({"text": text}), change, if_version="stale"),
        documents.Delete("refused", where({"text": text}), if_version="stale"),
    ]


async def _sagas(pipe: Pipe, payload: bytes) -> Requests:
    body = b'{"text": "' + payload + b'"}'
    record = SagaRecord("refused", "RUNNING", None, (("a", "DONE"),), body, 0)
    await pipe.send(sagas.Create("s", record))
    return [
        sagas.Create("s", record),
        sagas.Update("s", SagaRecord("refused", "RUNNING", "b", (), body, 7)),
        sagas.Update("s", SagaRecord("never", "RUNNING", "b", (), body, 1)),
    ]


_MAKERS: dict[str, Callable[[Pipe, bytes], Awaitable[Requests]]] = {
    "kv": _kv,
    "objects": _objects,
    "documents": _documents,
    "sagas": _sagas,
}
