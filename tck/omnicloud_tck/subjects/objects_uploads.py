"""Uploads in parts, read plainly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omnicloud.contracts.objects.checks import checksum_of
from omnicloud.contracts.objects.models import PartInfo
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.model import NO_ANSWER, Failed, Span
from omnicloud_tck.subjects.objects_state import CONFLICT, Blob, ObjectsState, Upload

__all__ = ["aborted", "begun", "completed", "listed", "sent"]

_ABSENT = Failed("NotFoundError")


def _upload(state: ObjectsState, op: Any) -> Upload | None:
    upload = state.uploads.get(op.upload_id)
    return upload if upload is not None and upload.key == op.key else None


def _changed(state: ObjectsState, upload_id: str, upload: Upload) -> ObjectsState:
    return replace(state, uploads={**state.uploads, upload_id: upload})


def _ended(state: ObjectsState, upload_id: str) -> ObjectsState:
    left = {name: one for name, one in state.uploads.items() if name != upload_id}
    return replace(
        state, uploads=left, ended=(*state.ended, (upload_id, state.uploads[upload_id].key))
    )


def begun(state: ObjectsState, op: BeginUpload, answer: object, _: Span) -> ObjectsState:
    """An upload has begun, under an id that none had."""
    about = f"an upload of {op.key!r}"
    that(isinstance(answer, str) and answer, f"{about} has the id {answer!r}")
    known = answer in state.uploads or any(answer == one for one, _ in state.ended)
    that(not known, f"{about} has the id of another")
    return _changed(state, str(answer), Upload(op.key, op.content_type, op.metadata))


def sent(state: ObjectsState, op: UploadPart, answer: object, _: Span) -> ObjectsState:
    """A part has arrived, in place of the one before it under its number."""
    upload, about = _upload(state, op), f"part {op.number} of {op.key!r}"
    if upload is None:
        if answer is not NO_ANSWER:
            equal(_ABSENT, answer, f"{about}, of no upload")
        return state
    tag = answer if isinstance(answer, str) else None
    that(tag or answer is NO_ANSWER, f"{about}: answered {answer!r}")
    before = upload.parts.get(op.number)
    stale = upload.stale
    if before is not None and before[0] is not None and before[1] != op.data:
        stale = {**stale, op.number: before[0]}
        that(before[0] != tag, f"{about} has other content under the same tag")
    parts = {**upload.parts, op.number: (tag, op.data)}
    return _changed(state, op.upload_id, replace(upload, parts=parts, stale=stale))


def listed(state: ObjectsState, op: ListParts, answer: object, _: Span) -> ObjectsState:
    """The parts are told by number, whole."""
    upload, about = _upload(state, op), f"the parts of an upload of {op.key!r}"
    if upload is None:
        equal(_ABSENT, answer, f"{about}, which is none")
        return state
    if not isinstance(answer, tuple):
        that(False, f"{about}: answered {answer!r}")
        return state
    told: tuple[PartInfo, ...] = answer
    expected = [(number, len(data)) for number, (_, data) in sorted(upload.parts.items())]
    equal(expected, [(part.number, part.size_bytes) for part in told], about)
    parts = dict(upload.parts)
    for part in told:
        tag, data = parts[part.number]
        if part.checksum is not None:
            equal(checksum_of(data), part.checksum, f"{about}: a checksum")
        if tag is not None:
            equal(tag, part.tag, f"{about}: the tag of part {part.number}")
        parts[part.number] = part.tag, data
    return _changed(state, op.upload_id, replace(upload, parts=parts))


def completed(state: ObjectsState, op: CompleteUpload, answer: object, span: Span) -> ObjectsState:
    """All of it is visible at once, or what was there is."""
    upload, about = _upload(state, op), f"the completion of an upload of {op.key!r}"
    if upload is None:
        if answer is not NO_ANSWER:
            equal(_ABSENT, answer, f"{about}, which is none")
        return state
    refusal = state.refusal(op.key, op.if_version, absent=op.if_absent)
    held = [upload.parts.get(part.number) for part in op.parts]
    if any(one is None or one[0] != part.tag for one, part in zip(held, op.parts, strict=True)):
        known = answer in (CONFLICT, refusal) or answer is NO_ANSWER
        that(known, f"{about} of a part that is not there: answered {answer!r}")
        return state
    if state.refused(op.key, refusal, answer, about):
        return state
    data = b"".join(one[1] for one in held if one is not None)
    blob = Blob(data, upload.content_type, upload.metadata)
    return _ended(state, op.upload_id).written(op.key, blob, answer, about)


def aborted(state: ObjectsState, op: AbortUpload, answer: object, _: Span) -> ObjectsState:
    """It is gone, if it was there."""
    if answer is not NO_ANSWER:
        equal(None, answer, f"an end of an upload of {op.key!r}")
    return state if _upload(state, op) is None else _ended(state, op.upload_id)
