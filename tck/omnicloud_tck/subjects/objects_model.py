"""objects read plainly: content, kind and version by key, and uploads that are under way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from omnicloud.contracts.objects.checks import checksum_of
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, Put, Stat
from omnicloud.contracts.objects.models import Chunk, ObjectInfo
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.model import NO_ANSWER, Failed, Span
from omnicloud_tck.subjects.objects_state import CONFLICT, Blob, ObjectsState
from omnicloud_tck.subjects.objects_uploads import aborted, begun, completed, listed, sent

__all__ = ["ObjectsModel"]

_CORRUPTED = Failed("CorruptedError")
_OFF = 2.0  # seconds by which a store's clock, or its rounding, may be off


class ObjectsModel:
    """What each request may answer, and what it leaves."""

    def empty(self) -> ObjectsState:
        return ObjectsState()

    def after(self, state: ObjectsState, op: Any, answer: object, span: Span) -> ObjectsState:
        verb: Callable[..., ObjectsState] = _VERBS[type(op)]
        return verb(state, op, answer, span)

    def halfway(self, state: ObjectsState, op: Any, span: Span) -> Iterator[ObjectsState]:
        yield state
        if isinstance(op, DeleteMany):
            for size in range(1, len(op.keys) + 1):
                for keys in itertools.combinations(op.keys, size):
                    yield _deleted_many(state, DeleteMany(keys), NO_ANSWER, span)
        elif not isinstance(op, GetRange | Stat | ListParts | BeginUpload):
            yield self.after(state, op, NO_ANSWER, span)


def _moment(answer: object, span: Span) -> tuple[float, float] | None:
    if answer is NO_ANSWER:
        return None
    return span.wall - _OFF, span.wall + span.told - span.sent + _OFF


def _told(state: ObjectsState, key: str, blob: Blob, info: object, about: str) -> ObjectsState:
    if not isinstance(info, ObjectInfo):
        that(False, f"{about}: answered {info!r:.200}, and it is there")
        return state
    equal(key, info.key, f"{about}: its key")
    equal((len(blob.data), blob.content_type), (info.size_bytes, info.content_type), about)
    equal(dict(blob.metadata), dict(info.metadata), f"{about}: its metadata")
    if info.checksum is not None and not blob.odd:
        equal(checksum_of(blob.data), info.checksum, f"{about}: its checksum")
    if blob.written is not None:
        first, last = blob.written
        that(first <= info.modified <= last, f"{about}: modified at {info.modified}, not {last}")
    return state.versioned(key, info.version, about)


def _stat(state: ObjectsState, op: Stat, answer: object, _: Span) -> ObjectsState:
    blob, about = state.blobs.get(op.key), f"stat {op.key!r}"
    if blob is None:
        equal(None, answer, about)
        return state
    return _told(state, op.key, blob, answer, about)


def _read(state: ObjectsState, op: GetRange, answer: object, _: Span) -> ObjectsState:
    blob, about = state.blobs.get(op.key), f"bytes {op.start} to {op.end} of {op.key!r}"
    if blob is None:
        that(answer is None or (op.if_version and answer == CONFLICT), f"{about}: it is not there")
        return state
    if op.if_version is not None and state.refused(
        op.key, state.refusal(op.key, op.if_version, absent=False), answer, about
    ):
        return state
    if not isinstance(answer, Chunk):
        that(False, f"{about}: answered {answer!r}, and it is there")
        return state
    equal(blob.data[op.start : op.end], answer.data, about)
    return _told(state, op.key, blob, answer.info, about)


def _put(state: ObjectsState, op: Put, answer: object, span: Span) -> ObjectsState:
    about = f"put {op.key!r}"
    odd = op.checksum is not None and op.checksum != checksum_of(op.data)
    if odd and answer == _CORRUPTED:
        return state
    refusal = state.refusal(op.key, op.if_version, absent=op.if_absent)
    if state.refused(op.key, refusal, answer, about):
        return state
    blob = Blob(op.data, op.content_type, op.metadata, None, odd, _moment(answer, span))
    return state.written(op.key, blob, answer, about)


def _deleted(state: ObjectsState, op: Delete, answer: object, _: Span) -> ObjectsState:
    about = f"delete {op.key!r}"
    if state.refused(op.key, state.refusal(op.key, op.if_version, absent=False), answer, about):
        return state
    if answer is not NO_ANSWER:
        equal(None, answer, about)
    return state.wrote(op.key, None)


def _deleted_many(state: ObjectsState, op: DeleteMany, answer: object, _: Span) -> ObjectsState:
    if answer is not NO_ANSWER:
        equal(None, answer, f"delete_many of {len(op.keys)}")
    for key in op.keys:
        state = state.wrote(key, None)
    return state


def _copied(state: ObjectsState, op: Copy, answer: object, span: Span) -> ObjectsState:
    source, about = state.blobs.get(op.source), f"copy {op.source!r} to {op.target!r}"
    refusal = state.refusal(op.target, op.if_version, absent=op.if_absent)
    if source is None:
        known = answer is None or answer is NO_ANSWER or (refusal and answer == refusal)
        that(known, f"{about}: answered {answer!r}, and there is no source")
        return state
    if state.refused(op.target, refusal, answer, about):
        return state
    blob = replace(source, version=None, written=_moment(answer, span))
    return state.written(op.target, blob, answer, about)


_VERBS: dict[type, Callable[..., ObjectsState]] = {
    Stat: _stat,
    GetRange: _read,
    Put: _put,
    Delete: _deleted,
    DeleteMany: _deleted_many,
    Copy: _copied,
    BeginUpload: begun,
    UploadPart: sent,
    ListParts: listed,
    CompleteUpload: completed,
    AbortUpload: aborted,
}
