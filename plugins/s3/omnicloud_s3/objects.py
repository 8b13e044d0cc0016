"""The objects contract on S3: one object of the service each, whole objects here."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    DeleteMany,
    GetRange,
    List,
    Presign,
    Put,
    Stat,
)
from omnicloud.contracts.objects.models import (
    Chunk,
    ObjectInfo,
    ObjectPage,
    ObjectsFeature,
    ObjectsLimits,
    PartInfo,
)
from omnicloud.contracts.objects.narrow import NarrowKeys
from omnicloud.contracts.objects.stored_keys import PlainKeys, StoredKeys
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    UnavailableError,
)
from omnicloud_s3.answers import deletion, deletion_errors
from omnicloud_s3.claims import Claims
from omnicloud_s3.client import Answer, Client, checksum_headers, client_of
from omnicloud_s3.conditions import PROBE, honours_conditions
from omnicloud_s3.config import S3Config
from omnicloud_s3.errors import refusal
from omnicloud_s3.facts import (
    METADATA_MAX_BYTES,
    Facts,
    Version,
    carried,
    copied,
    info_of,
    rest_of,
    version_of,
)
from omnicloud_s3.listing import Lister
from omnicloud_s3.uploads import Uploads, completing_seconds

__all__ = ["FEATURES", "S3Objects", "open_objects"]

FEATURES: frozenset[Feature] = frozenset(ObjectsFeature)

_LIMITS = ObjectsLimits(
    put_max_bytes=256 << 20,
    part_min_bytes=5 << 20,
    part_max_bytes=256 << 20,
    parts_checksum=False,
    metadata_max_bytes=METADATA_MAX_BYTES,
)
_COPY_MAX_BYTES = 5 << 30
_COPIED_PER_SECOND = 25 << 20  # bytes, at least
_RACES = 20  # times that an object may change under a read that takes two requests
_CROSSED = "ConditionalRequestConflict"
_REFUSED = re.compile(r"[\x00-\x1f\x7f]|(^|/)\.{1,2}(/|$)")
_WHY = "holds a control character, or '.' or '..' between slashes"
_SIZE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class S3Objects:
    """An objects driver over a :class:`Client`."""

    def __init__(self, client: Client, keys: StoredKeys, features: frozenset[Feature]) -> None:
        self._client = client
        self._keys = keys
        self._features = features
        self._claims = Claims(client, client.clock, keys.beginning(""))
        self._uploads = Uploads(client, keys, self._claims)
        self._lister = Lister(client, keys, self._look)
        self._limits = _LIMITS
        if client.config.completion == "staged":  # by a copy
            self._limits = replace(_LIMITS, object_max_bytes=_COPY_MAX_BYTES)

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> ObjectsLimits:
        return self._limits

    async def put(self, op: Put, /) -> str:
        stored = self._keys.stored(op.key)
        facts = Facts(op.content_type, op.metadata, op.checksum, self._keys.rest(op.key))
        number, headers = facts.headers()
        digest = None
        if op.checksum is not None:
            digest = op.checksum.removeprefix("sha256:")
            headers |= checksum_headers(digest)
        async with self._condition(stored, op.if_version, absent=op.if_absent) as condition:
            sent = {**headers, **condition}
            answer = await self._client.ask(
                "PUT", stored, headers=sent, body=op.data, digest=digest
            )
            if answer.status != 200:
                raise _refused(answer, condition)
            return str(Version(answer.etag, number))

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        if op.end is not None and op.end <= op.start:
            return await self._nothing_of(op)
        for _ in range(_RACES):
            answer = await self._client.ask(
                "GET", self._keys.stored(op.key), headers=_range_headers(op)
            )
            if answer.status == 404 and answer.code != "NoSuchBucket":
                return None
            if answer.status == 416:
                chunk = await self._nothing_of(op)
                if chunk is None or chunk.info.size_bytes <= op.start:
                    return chunk
                continue  # it has grown in between
            if answer.status not in (200, 206):
                raise answer.refused()
            return self._chunk(op, answer)
        raise UnavailableError("the object changed under each attempt to read it")

    def _chunk(self, op: GetRange, answer: Answer) -> Chunk:
        size = len(answer.body)
        found = _SIZE.match(answer.headers.get("content-range", ""))
        if answer.status == 206 and found is not None:
            size = int(found.group(1))
        info = info_of(op.key, answer.headers, size)
        if op.if_version is not None and info.version != op.if_version:
            raise ConflictError("the object has another version")
        data = answer.body
        if answer.status == 200 and (op.start or op.end is not None):
            data = data[op.start : op.end]  # the service does not know ranges
        return Chunk(data, info)

    async def _nothing_of(self, op: GetRange) -> Chunk | None:
        info = await self.stat(Stat(op.key))
        if info is not None and op.if_version is not None and info.version != op.if_version:
            raise ConflictError("the object has another version")
        return None if info is None else Chunk(b"", info)

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        answer = await self._head(self._keys.stored(op.key))
        return None if answer is None else _info(op.key, answer)

    async def delete(self, op: Delete, /) -> None:
        stored = self._keys.stored(op.key)
        async with self._condition(stored, op.if_version) as condition:
            answer = await self._client.ask("DELETE", stored, headers=condition)
            if answer.status == 404 and not condition and answer.code != "NoSuchBucket":
                return
            if answer.status not in (200, 204):
                raise _refused(answer, condition)

    async def delete_many(self, op: DeleteMany, /) -> None:
        if not op.keys:
            await self._head(self._keys.beginning("") + PROBE)
            return
        body = deletion(map(self._keys.stored, op.keys))
        headers = {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}  # noqa: S324 - what the service asks for
        answer = await self._client.ask("POST", "", {"delete": ""}, headers, body)
        if answer.status != 200:
            raise answer.refused()
        failed = [one for one in deletion_errors(answer.body) if one.code != "NoSuchKey"]
        if failed:
            raise refusal(200, failed[0].code)

    async def list(self, op: List, /) -> ObjectPage:
        return await self._lister.page(op)

    async def copy(self, op: Copy, /) -> str | None:
        source, target = self._keys.stored(op.source), self._keys.stored(op.target)
        before = await self._head(source)
        if before is None:
            return None
        _check_copied(before)
        seconds = before.size_bytes / _COPIED_PER_SECOND
        async with self._condition(
            target, op.if_version, absent=op.if_absent, seconds=seconds
        ) as condition:
            for _ in range(_RACES):
                number, headers = copied(before.headers, self._keys.rest(op.target)).headers()
                headers |= carried(before.headers)
                headers |= condition
                headers |= {
                    "x-amz-copy-source": self._client.source(source),
                    "x-amz-copy-source-if-match": f'"{before.etag}"',
                    "x-amz-metadata-directive": "REPLACE",
                }
                answer = await self._client.ask("PUT", target, headers=headers, seconds=seconds)
                if answer.status == 200 and not answer.code:
                    return str(Version(answer.told_etag, number))
                now = await self._head(source) if answer.status in (404, 412) else before
                if now is None:
                    return None
                if version_of(now.headers) == version_of(before.headers):
                    raise _refused(answer, condition)
                _check_copied(now)
                before = now
        raise UnavailableError("the source changed under each attempt to copy it")

    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await self._uploads.begin(op)

    async def upload_part(self, op: UploadPart, /) -> str:
        return await self._uploads.part(op)

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return await self._uploads.listed(op)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        try:
            version = await self._completed(op)
        except ConflictError:
            # Looked for after what refused it: an upload that is there now was there then.
            await self._uploads.check(op)
            raise
        if version is None:
            raise await self._crossed(op)
        return version

    async def _crossed(self, op: CompleteUpload) -> OmniCloudError:
        """The error for a completion that met another write; the service may drop its upload."""
        try:
            await self._uploads.check(op)
        except NotFoundError:
            return ConflictError(
                "another write of that key was under way, and the service dropped the upload",
                hint="begin it anew",
            )
        return refusal(409, _CROSSED)

    async def _completed(self, op: CompleteUpload) -> str | None:
        """The version; ``None`` where another write of the key was under way."""
        stored = self._keys.stored(op.key)
        # The service decides below. But what it refuses once the parts are put together can
        # be completed again, not gone on with: so look first, unless another comes between.
        if op.if_absent and await self._head(stored) is not None:
            raise AlreadyExistsError("the object is there")
        seconds = completing_seconds(len(op.parts))
        async with self._condition(
            stored, op.if_version, absent=op.if_absent, seconds=seconds
        ) as condition:
            answer, version = await self._uploads.complete(op, condition)
            if answer.code == _CROSSED:
                return None
            if not version:
                raise _refused(answer, condition)
            return version

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._uploads.abort(op)

    async def presign(self, op: Presign, /) -> str:
        seconds = max(1, int(op.expires_in))
        return await self._client.presigned(op.method, self._keys.stored(op.key), seconds)

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    async def _head(self, stored: str) -> Answer | None:
        answer = await self._client.ask("HEAD", stored)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise answer.refused()
        return answer

    async def _look(self, stored: str) -> ObjectInfo | None:
        answer = await self._head(stored)
        if answer is None:
            return None
        key = self._keys.key(stored, rest_of(answer.headers))
        return None if key is None else _info(key, answer)

    @asynccontextmanager
    async def _condition(
        self, stored: str, version: str | None, *, absent: bool = False, seconds: float = 0.0
    ) -> AsyncIterator[dict[str, str]]:
        """The headers that make a write conditional, meanwhile.

        The service compares the ETag, which equal content shares; whether the number is the one
        that was given is seen before, under a claim that all who name the version ask for.

        Args:
            seconds: That the write may take, as :meth:`Client.ask` has them.

        Raises:
            ConflictError: The object has another version, or is not there.
        """
        if absent:
            yield {"if-none-match": "*"}
            return
        if version is None:
            yield {}
            return
        wanted = Version.of(version)

        async def expect() -> None:
            answer = await self._head(stored)
            if answer is None or version_of(answer.headers) != wanted:
                raise ConflictError("the object has another version, or is not there")

        await expect()
        async with self._claims.held(stored, version, expect, seconds):
            yield {"if-match": f'"{wanted.etag}"'}


async def open_objects(config: S3Config, opening: Opening) -> S3Objects:
    """An objects driver on the configured bucket."""
    client = await client_of(config, opening)
    keys: StoredKeys = PlainKeys(config.prefix, _REFUSED, _WHY)
    if config.keys == "escaped":
        keys = NarrowKeys(config.prefix)
    features = FEATURES
    if config.conditional == "no" or (
        config.conditional == "probe" and not await honours_conditions(client, config)
    ):
        features = FEATURES - {ObjectsFeature.CONDITIONAL}
    return S3Objects(client, keys, features)


def _refused(answer: Answer, condition: dict[str, str]) -> OmniCloudError:
    """The error for a write that the service did not do."""
    said = answer.refused()
    if "if-none-match" in condition and answer.status == 412:
        return AlreadyExistsError("the object is there")
    if "if-match" in condition and answer.status == 404 and answer.code != "NoSuchUpload":
        return ConflictError("the object is not there")
    return said


def _check_copied(source: Answer) -> None:
    """Refuse what the service refuses, before it is asked.

    Raises:
        InvalidArgumentError: The source of a copy is too large.
    """
    if source.size_bytes > _COPY_MAX_BYTES:
        raise InvalidArgumentError(
            f"the object has {source.size_bytes} bytes, the service copies at most "
            f"{_COPY_MAX_BYTES}",
            hint="download it and upload it under the other key",
        )


def _range_headers(op: GetRange) -> dict[str, str]:
    headers = {}
    if op.start or op.end is not None:
        headers["range"] = f"bytes={op.start}-{'' if op.end is None else op.end - 1}"
    if op.if_version is not None:
        headers["if-match"] = f'"{Version.of(op.if_version).etag}"'
    return headers


def _info(key: str, answer: Answer) -> ObjectInfo:
    return info_of(key, answer.headers, answer.size_bytes)
