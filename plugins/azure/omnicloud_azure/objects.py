"""The objects contract on Azure Blob Storage: one block blob each, whole objects here.

A version is the service's ETag, which every write changes and every condition names.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from omnicloud.contracts.objects.beside import Facts
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
    Listed,
    ObjectInfo,
    ObjectPage,
    ObjectsFeature,
    ObjectsLimits,
    PartInfo,
)
from omnicloud.contracts.objects.narrow import NarrowKeys
from omnicloud.contracts.objects.stored_keys import PlainKeys, StoredKeys
from omnicloud.contracts.objects.stored_pages import Stored, StoredPages
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.clock import Clock
from omnicloud.core.http import Answer
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.core.together import together
from omnicloud.errors import AlreadyExistsError, ConflictError, OmniCloudError, UnavailableError
from omnicloud_azure.answers import Blob, listing
from omnicloud_azure.client import Client, client_of
from omnicloud_azure.config import AzureConfig
from omnicloud_azure.copying import copied
from omnicloud_azure.errors import code_of, is_no_blob, refusal
from omnicloud_azure.facts import (
    NO_FACTS,
    condition_of,
    facts_of,
    headers_of,
    info_of,
    kept_facts,
    size_of,
    version_of,
)
from omnicloud_azure.integrity import md5_of
from omnicloud_azure.uploads import Uploads

__all__ = ["AzureObjects", "open_objects"]

_LIMITS = ObjectsLimits(
    put_max_bytes=256 << 20,
    part_max_bytes=256 << 20,
    batch_max_items=100,
)
_RACES = 20  # times that an object may change under a request that takes two
_AT_ONCE = 32
_IS_FOLDER = "DirectoryIsNotEmpty"
_SIZE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")
_REFUSED = re.compile(r"[\x00-\x1f\x7f\\]|(^|/)\.{1,2}(/|$)|[./]$")
_WHY = "holds a control character, '\\' or '..', or ends with '.' or '/'"


class AzureObjects:
    """An objects driver over a :class:`Client`."""

    def __init__(
        self, client: Client, keys: StoredKeys, features: frozenset[Feature], clock: Clock
    ) -> None:
        self._client = client
        self._keys = keys
        self._features = features
        self._clock = clock
        self._uploads = Uploads(client, keys, clock)
        self._pages = StoredPages(keys, self._listed, by_key=False)

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> ObjectsLimits:
        return _LIMITS

    async def put(self, op: Put, /) -> str:
        stored = self._keys.stored(op.key)
        headers = headers_of(Facts(op.metadata, op.checksum, self._keys.rest(op.key)))
        headers |= {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": op.content_type}
        if op.checksum is not None:
            headers["content-md5"] = await md5_of(op.data)
        condition = condition_of(op.if_version, absent=op.if_absent)
        sent = {**headers, **condition}
        return _written(await self._client.ask("PUT", stored, {}, sent, op.data), condition)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        if op.end is not None and op.end <= op.start:
            return await self._nothing_of(op)
        headers = condition_of(op.if_version)
        if op.start or op.end is not None:
            headers["range"] = f"bytes={op.start}-{'' if op.end is None else op.end - 1}"
        for _ in range(_RACES):
            answer = await self._client.ask("GET", self._keys.stored(op.key), {}, headers)
            if is_no_blob(answer):
                return None
            if answer.status == 416:
                chunk = await self._nothing_of(op)
                if chunk is None or chunk.info.size_bytes <= op.start:
                    return chunk
                continue  # it has grown in between
            if answer.status not in (200, 206):
                raise refusal(answer)
            return _chunk(op, answer)
        raise UnavailableError("the object changed under each attempt to read it")

    async def _nothing_of(self, op: GetRange) -> Chunk | None:
        info = await self.stat(Stat(op.key))
        if info is not None and op.if_version not in (None, info.version):
            raise ConflictError("the object has another version")
        return None if info is None else Chunk(b"", info)

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        answer = await self._head(op.key)
        return None if answer is None else info_of(op.key, answer.headers, size_of(answer))

    async def delete(self, op: Delete, /) -> None:
        condition = condition_of(op.if_version)
        answer = await self._client.ask("DELETE", self._keys.stored(op.key), {}, condition)
        if not condition and (is_no_blob(answer) or code_of(answer) == _IS_FOLDER):
            return
        if answer.status != 202:
            raise _refused(answer, condition)

    async def delete_many(self, op: DeleteMany, /) -> None:
        if not op.keys:
            await self._listed(self._keys.beginning(""), "", 1)
        await together(self.delete, map(Delete, op.keys), _AT_ONCE)

    async def list(self, op: List, /) -> ObjectPage:
        return await self._pages.page(op)

    async def copy(self, op: Copy, /) -> str | None:
        source, target = self._keys.stored(op.source), self._keys.stored(op.target)
        condition = condition_of(op.if_version, absent=op.if_absent)
        for _ in range(_RACES):
            before = await self._head(op.source)
            if before is None:
                return None
            facts = facts_of(before.headers)
            facts = Facts(facts.metadata, facts.checksum, self._keys.rest(op.target))
            etag = version_of(before.headers)
            headers = {**(headers_of(facts) or NO_FACTS), **condition}
            headers["x-ms-source-if-match"] = f'"{etag}"'
            size = size_of(before)
            answer = await copied(self._client, self._clock, source, target, headers, size)
            if answer.status == 202:
                return version_of(answer.headers)
            if not await self._has_changed(op.source, etag, answer):
                raise _refused(answer, condition)
        raise UnavailableError("the source changed under each attempt to copy it")

    async def _has_changed(self, key: str, etag: str, answer: Answer) -> bool:
        """Whether a copy was refused because its source is not what it was."""
        if answer.status != 412 and not is_no_blob(answer):
            return False
        now = await self._head(key)
        return now is None or version_of(now.headers) != etag

    async def begin_upload(self, op: BeginUpload, /) -> str:
        return await self._uploads.begin(op)

    async def upload_part(self, op: UploadPart, /) -> str:
        return await self._uploads.part(op)

    async def list_parts(self, op: ListParts, /) -> tuple[PartInfo, ...]:
        return await self._uploads.listed(op)

    async def complete_upload(self, op: CompleteUpload, /) -> str:
        condition = condition_of(op.if_version, absent=op.if_absent)
        return _written(await self._uploads.complete(op, condition), condition)

    async def abort_upload(self, op: AbortUpload, /) -> None:
        await self._uploads.abort(op)

    async def presign(self, op: Presign, /) -> str:
        await asyncio.sleep(0)
        seconds = max(1, int(op.expires_in))
        stored = self._keys.stored(op.key)
        return self._client.presigned(op.method, stored, self._clock.wall(), seconds)

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    async def _head(self, key: str) -> Answer | None:
        answer = await self._client.ask("HEAD", self._keys.stored(key))
        if is_no_blob(answer):
            return None
        if answer.status != 200:
            raise refusal(answer)
        return answer

    async def _listed(
        self, prefix: str, after: str, limit: int
    ) -> tuple[Sequence[Stored], str | None]:
        """A page of the service, from its marker on."""
        query = {"restype": "container", "comp": "list", "include": "metadata"}
        query |= {"maxresults": str(limit)}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"marker": after} if after else {}
        answer = await self._client.ask("GET", query=query)
        if answer.status != 200:
            raise refusal(answer)
        page = listing(answer.body)
        return [_stored(blob) for blob in page.blobs if not blob.is_folder], page.marker or None


async def open_objects(config: AzureConfig, opening: Opening) -> AzureObjects:
    """An objects driver on the configured container."""
    client = await client_of(config, opening)
    keys: StoredKeys = PlainKeys(config.prefix, _REFUSED, _WHY)
    if config.keys == "escaped":
        keys = NarrowKeys(config.prefix, by_code_unit=True)
    lacks = set(map(ObjectsFeature, config.lacks))
    if config.presign == "no":
        lacks.add(ObjectsFeature.PRESIGN)
    return AzureObjects(client, keys, frozenset(ObjectsFeature) - lacks, opening.clock)


def _chunk(op: GetRange, answer: Answer) -> Chunk:
    size, data = len(answer.body), answer.body
    found = _SIZE.match(answer.headers.get("content-range", ""))
    if answer.status == 206 and found is not None:
        size = int(found.group(1))
    elif op.start or op.end is not None:
        data = data[op.start : op.end]  # the service does not know ranges
    return Chunk(data, info_of(op.key, answer.headers, size))


def _stored(blob: Blob) -> Stored:
    line = Listed(blob.name, blob.size_bytes, blob.etag, blob.modified)
    return Stored(line, kept_facts(blob.metadata).rest)


def _written(answer: Answer, condition: dict[str, str]) -> str:
    if answer.status not in (201, 202):
        raise _refused(answer, condition)
    return version_of(answer.headers)


def _refused(answer: Answer, condition: dict[str, str]) -> OmniCloudError:
    """The error for a write that the service did not do."""
    said = refusal(answer)
    if "if-none-match" in condition and (
        answer.status == 412 or code_of(answer) == "BlobAlreadyExists"
    ):
        return AlreadyExistsError("the object is there")
    if "if-match" in condition and (is_no_blob(answer) or code_of(answer) == _IS_FOLDER):
        return ConflictError("the object is not there")
    return said
