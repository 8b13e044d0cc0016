"""Objects in parts, as uploads of the service.

An id of ours is the service's; with the number of the version that the object will have, since an
object's metadata is told when its upload begins; where completion is staged with the name under
which the parts are put together before they are copied to their key; and with a digest of the key.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import md5, sha256
from typing import NamedTuple

import anyio

from omnicloud.contracts.objects.digests import update
from omnicloud.contracts.objects.models import PartInfo, PartTag
from omnicloud.contracts.objects.stored_keys import StoredKeys
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.errors import ConflictError, NotFoundError, OmniCloudError
from omnicloud_s3.answers import Part, completion, field_of, parts
from omnicloud_s3.claims import Claims
from omnicloud_s3.client import LONGEST_SECONDS, Answer, Client
from omnicloud_s3.facts import Facts, Version, version_of

__all__ = ["Completed", "Uploads", "completing_seconds"]

_BETWEEN = "~"  # in no field but the first, which is the service's own
_STAGE = "~~stage-"  # in no key of ours
_REMEMBERED = 1000  # parts
_RESENT = 16  # tags that one had, one after the other
_TURN = "whole"  # what those who move one upload to its key ask for
_LAST_SECONDS = 0.5
_ASKS_FOR_MD5 = frozenset({"InvalidRequest", "MissingContentMD5"})


class _Upload(NamedTuple):
    """An id taken apart."""

    id: str
    number: str
    key: str
    staged: bool


class Completed(NamedTuple):
    """What the service said to a completion, and the version where it did it."""

    answer: Answer
    version: str


@dataclass(slots=True)
class Uploads:
    """Uploads in parts of one bucket.

    A bucket that locks objects by default takes parts with their MD5 alone; hashing them for all
    would cost more than their SHA-256 does, so it is done once the service has asked for it.
    """

    client: Client
    keys: StoredKeys
    claims: Claims
    _sent: OrderedDict[tuple[str, int], list[str]] = field(default_factory=OrderedDict)
    _md5: bool = False

    async def begin(self, op: BeginUpload) -> str:
        """Begin one and answer its id."""
        facts = Facts(op.content_type, op.metadata, None, self.keys.rest(op.key))
        number, headers = facts.headers()
        stored, stage = self.keys.stored(op.key), ""
        if self.client.config.completion == "staged":
            stage = secrets.token_hex(8)
            stored = self._stage(stage, _digest(op.key))
        answer = await self.client.ask("POST", stored, {"uploads": ""}, headers)
        id_ = field_of(_fine(answer).body, "UploadId")
        return _BETWEEN.join((id_, number, stage, _digest(op.key)))

    async def part(self, op: UploadPart) -> str:
        """Store a part and answer its ETag."""
        upload = self._upload(op.key, op.upload_id)
        query = {"partNumber": str(op.number), "uploadId": upload.id}
        digest = None if op.checksum is None else op.checksum.removeprefix("sha256:")
        send = partial(self.client.ask, "PUT", upload.key, query, body=op.data, digest=digest)
        headers = await _md5(op.data) if self._md5 else {}
        answer = await send(headers=headers)
        if not headers and answer.status == 400 and answer.code in _ASKS_FOR_MD5:
            answer = await send(headers=await _md5(op.data))
            self._md5 = self._md5 or answer.status == 200
        etag = _fine(answer).etag
        self._remember((op.upload_id, op.number), etag)
        return etag

    async def listed(self, op: ListParts) -> tuple[PartInfo, ...]:
        """The parts that count, by number."""
        last = {part.number: part for part in await self._current(op.key, op.upload_id)}
        return tuple(PartInfo(n, last[n].etag, last[n].size_bytes) for n in sorted(last))

    async def complete(self, op: CompleteUpload, headers: Mapping[str, str]) -> Completed:
        """Make the object under these conditions; the answer may be a refusal.

        Raises:
            NotFoundError: There is no such upload; some services answer a second completion.
            ConflictError: A part is not there under its tag.
        """
        upload = self._upload(op.key, op.upload_id)
        if not upload.staged:
            answer = await self._put_together(op, upload, headers)
            return Completed(answer, _version(answer, upload))
        # The copy below is done whether or not another has done it: so one at a time.
        check = partial(self.check, op)
        seconds = completing_seconds(len(op.parts)) + LONGEST_SECONDS
        async with self.claims.held(upload.key, _TURN, check, seconds):
            try:
                return await self._put_together_and_moved(op, upload, headers)
            except (OmniCloudError, asyncio.CancelledError):
                # What is put together is no upload any more, and no object yet.
                with anyio.move_on_after(_LAST_SECONDS, shield=True):
                    await self._moved_if_together(op, upload, headers)
                raise

    async def check(self, op: CompleteUpload) -> None:
        """Look whether there is such an upload.

        Raises:
            NotFoundError: There is none, or it is complete.
        """
        upload = self._upload(op.key, op.upload_id)
        if not (upload.staged and await self._is_together(upload)):
            await self._arrived(op.key, op.upload_id)
            return
        now = await self.client.ask("HEAD", self.keys.stored(op.key))
        if now.status == 200 and version_of(now.headers).number == upload.number:
            await self.client.ask("DELETE", upload.key)
            raise NotFoundError("there is no such upload of that key")

    async def abort(self, op: AbortUpload) -> None:
        """Forget one; none is no error."""
        try:
            upload = self._upload(op.key, op.upload_id)
        except NotFoundError:
            await asyncio.sleep(0)
            return
        answer = await self.client.ask("DELETE", upload.key, {"uploadId": upload.id})
        if answer.status != 404 and answer.code != "NoSuchUpload":
            _fine(answer)
        if upload.staged:
            await self.client.ask("DELETE", upload.key)

    async def _put_together(
        self, op: CompleteUpload, upload: _Upload, conditions: Mapping[str, str]
    ) -> Answer:
        """Have the service complete its upload, if all parts are there."""
        there = {(part.number, part.etag) for part in await self._current(op.key, op.upload_id)}
        if not there.issuperset((part.number, part.tag) for part in op.parts):
            raise ConflictError("a part is not there under its tag")
        tags = op.parts
        if not tags:  # the service makes no object of no parts
            tags = (PartTag(1, await self.part(UploadPart(op.key, op.upload_id, 1, 0, b""))),)
        query = {"uploadId": upload.id}
        seconds = completing_seconds(len(tags))
        return await self.client.ask(
            "POST", upload.key, query, conditions, completion(tags), seconds=seconds
        )

    async def _put_together_and_moved(
        self, op: CompleteUpload, upload: _Upload, headers: Mapping[str, str]
    ) -> Completed:
        if not await self._is_together(upload):
            answer = await self._put_together(op, upload, {})
            if answer.status != 200 or answer.code:
                return Completed(answer, "")
        return await self._moved(op, upload, headers)

    async def _moved(
        self, op: CompleteUpload, upload: _Upload, headers: Mapping[str, str]
    ) -> Completed:
        """Copy what was put together to its key, if the condition holds."""
        asked = {
            **headers,
            "x-amz-copy-source": self.client.source(upload.key),
            "x-amz-metadata-directive": "COPY",
        }
        answer = await self.client.ask(
            "PUT", self.keys.stored(op.key), headers=asked, seconds=LONGEST_SECONDS
        )
        version = _version(answer, upload)
        if version:
            await self.client.ask("DELETE", upload.key)
        return Completed(answer, version)

    async def _moved_if_together(
        self, op: CompleteUpload, upload: _Upload, headers: Mapping[str, str]
    ) -> None:
        """Best effort: what it was that failed is what there is to tell."""
        try:
            if await self._is_together(upload):
                await self.check(op)
                await self._moved(op, upload, headers)
        except OmniCloudError:
            return

    async def _is_together(self, upload: _Upload) -> bool:
        """Whether a completion before put the parts together, but a condition did not hold."""
        return (await self.client.ask("HEAD", upload.key)).status == 200

    async def _arrived(self, key: str, upload_id: str) -> list[Part]:
        upload = self._upload(key, upload_id)
        found: list[Part] = []
        marker: str | None = "0"
        while marker is not None:
            query = {"uploadId": upload.id, "max-parts": "1000", "part-number-marker": marker}
            some, marker = parts(_fine(await self.client.ask("GET", upload.key, query)).body)
            found += some
        return found

    def _remember(self, which: tuple[str, int], etag: str) -> None:
        before = self._sent.pop(which, [])
        self._sent[which] = [*(one for one in before if one != etag), etag][-_RESENT:]
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)

    async def _current(self, key: str, upload_id: str) -> list[Part]:
        """The parts that count: some services keep and list those too that were sent before."""
        arrived = await self._arrived(key, upload_id)
        alike: dict[int, list[Part]] = {}
        for part in arrived:
            alike.setdefault(part.number, []).append(part)
        return [one for one in arrived if not self._is_stale(upload_id, one, alike[one.number])]

    def _is_stale(self, upload_id: str, part: Part, alike: Sequence[Part]) -> bool:
        """Whether another came later under its number.

        Times are in seconds; within one, what this process sent counts as it sent it.
        """
        sent = self._sent.get((upload_id, part.number), [])
        place = {etag: turn for turn, etag in enumerate(sent)}
        return any(
            other.modified > part.modified
            or (
                other.modified == part.modified
                and place.get(other.etag, -1) > place.get(part.etag, len(sent))
            )
            for other in alike
            if other.etag != part.etag
        )

    def _upload(self, key: str, upload_id: str) -> _Upload:
        fields = upload_id.rsplit(_BETWEEN, 3)
        if len(fields) != 4 or not fields[0] or fields[3] != _digest(key):
            # Not every service compares the key.
            raise NotFoundError("there is no such upload of that key")
        id_, number, stage, digest = fields
        stored = self._stage(stage, digest) if stage else self.keys.stored(key)
        return _Upload(id_, number, stored, bool(stage))

    def _stage(self, stage: str, digest: str) -> str:
        return f"{self.keys.beginning('')}{_STAGE}{stage}/{digest}"


def completing_seconds(parts: int) -> float:
    """That the service may take to put so many parts together, besides the usual."""
    return min(float(parts), LONGEST_SECONDS)


def _version(answer: Answer, upload: _Upload) -> str:
    """The version of what was made; empty where the service refused it."""
    if answer.status != 200 or answer.code:
        return ""
    return str(Version(answer.told_etag, upload.number))


async def _md5(data: bytes) -> dict[str, str]:
    digest = md5(usedforsecurity=False)
    await update(digest, data)
    return {"content-md5": base64.b64encode(digest.digest()).decode()}


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:32]


def _fine(answer: Answer) -> Answer:
    if not 200 <= answer.status < 300:
        raise answer.refused()
    return answer
