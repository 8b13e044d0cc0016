"""The objects contract on Google Cloud Storage: one object of the service each.

A version is the service's generation, which every write changes and every condition names.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

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
from omnicloud_gcs.client import LISTING, Client, client_of, told
from omnicloud_gcs.config import GcsConfig
from omnicloud_gcs.errors import is_absent, is_no_bucket, refusal
from omnicloud_gcs.integrity import md5_of
from omnicloud_gcs.reading import Reader
from omnicloud_gcs.resources import (
    NOTHING_THERE,
    condition_of,
    facts_of,
    info_of,
    resource_of,
    version_of,
)
from omnicloud_gcs.uploads import Uploads

__all__ = ["GcsObjects", "open_objects"]

_LIMITS = ObjectsLimits(put_max_bytes=256 << 20, part_max_bytes=256 << 20, batch_max_items=100)
_RACES = 20  # times that a source may change under a copy
_AT_ONCE = 32
_LINES = "kind,nextPageToken,items(name,size,generation,updated,contentType,metadata)"
_CARRIED = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage")
"""What other programs keep with an object, and a copy loses that is told anything of its own."""

_REFUSED = re.compile(r"[\x00-\x1f\x7f]|^\.{1,2}$|^\.well-known/acme-challenge/")
_WHY = "holds a control character, or is '.' or '..'"


class GcsObjects:
    """An objects driver over a :class:`Client`."""

    def __init__(
        self, client: Client, keys: StoredKeys, features: frozenset[Feature], clock: Clock
    ) -> None:
        self._client = client
        self._keys = keys
        self._features = features
        self._clock = clock
        self._reader = Reader(client, keys, ObjectsFeature.CONDITIONAL in features)
        self._uploads = Uploads(client, keys, clock)
        self._pages = StoredPages(keys, self._listed, by_key=True)

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> ObjectsLimits:
        return _LIMITS

    async def put(self, op: Put, /) -> str:
        stored = self._keys.stored(op.key)
        facts = Facts(op.metadata, op.checksum, self._keys.rest(op.key))
        resource = {"name": stored, **resource_of(op.content_type, facts)}
        if op.checksum is not None:
            resource["md5Hash"] = await md5_of(op.data)
        condition = condition_of(op.if_version, absent=op.if_absent)
        return _written(await self._client.insert(resource, op.data, condition), condition)

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        return await self._reader.range(op)

    async def stat(self, op: Stat, /) -> ObjectInfo | None:
        return await self._reader.stat(op.key)

    async def delete(self, op: Delete, /) -> None:
        condition = condition_of(op.if_version)
        path = self._client.path(self._keys.stored(op.key))
        answer = await self._client.ask("DELETE", path, condition)
        if is_absent(answer) and not condition:
            return
        if answer.status not in (200, 204):
            raise _refused(answer, condition)

    async def delete_many(self, op: DeleteMany, /) -> None:
        if not op.keys:
            await self._listed(self._keys.beginning(""), "", 1)
        await together(self.delete, map(Delete, op.keys), _AT_ONCE)

    async def list(self, op: List, /) -> ObjectPage:
        return await self._pages.page(op)

    async def copy(self, op: Copy, /) -> str | None:
        condition = condition_of(op.if_version, absent=op.if_absent)
        for _ in range(_RACES):
            before = await self._reader.resource(self._keys.stored(op.source))
            if before is None:
                return None
            source = told(before)
            answer = await self._rewritten(op, source, condition)
            if answer.status == 200:
                return version_of(told(answer).get("resource", {}))
            if not await self._has_changed(op.source, source, answer):
                raise _refused(answer, condition)
        raise UnavailableError("the source changed under each attempt to copy it")

    async def _rewritten(
        self, op: Copy, source: Mapping[str, Any], condition: Mapping[str, str]
    ) -> Answer:
        """Have the service copy one generation; large ones take several requests."""
        facts = facts_of(source)
        facts = Facts(facts.metadata, facts.checksum, self._keys.rest(op.target))
        body = {name: source[name] for name in _CARRIED if name in source}
        body |= resource_of(str(source.get("contentType", "application/octet-stream")), facts)
        target = self._client.path(self._keys.stored(op.target)).removeprefix("/storage/v1")
        path = f"{self._client.path(self._keys.stored(op.source))}/rewriteTo{target}"
        query = {**condition, "ifSourceGenerationMatch": version_of(source)}
        while True:
            answer = await self._client.ask("POST", path, query, body=body)
            if answer.status != 200 or told(answer).get("done", True):
                return answer
            query["rewriteToken"] = told(answer)["rewriteToken"]

    async def _has_changed(self, key: str, before: Mapping[str, Any], answer: Answer) -> bool:
        """Whether a copy was refused because its source is not what it was."""
        if answer.status not in (404, 412) or is_no_bucket(answer):
            return False
        now = await self._reader.stat(key)
        return now is None or now.version != version_of(before)

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

    async def _listed(
        self, prefix: str, after: str, limit: int
    ) -> tuple[Sequence[Stored], str | None]:
        """A page of the service, of objects whose names come after the one given."""
        query = {"maxResults": str(limit + 1), "fields": _LINES}
        query |= {"prefix": prefix} if prefix else {}
        query |= {"startOffset": after} if after else {}  # which may be the first of the page
        page = told(await self._client.ask("GET", self._client.path(), query), LISTING)
        found = [_stored(one) for one in page.get("items", [])]
        if found and found[0].line.key == after:
            del found[0]
        more = "nextPageToken" in page or len(found) > limit
        del found[limit:]
        return found, found[-1].line.key if more and found else None


async def open_objects(config: GcsConfig, opening: Opening) -> GcsObjects:
    """An objects driver on the configured bucket."""
    client = await client_of(config, opening)
    keys: StoredKeys = PlainKeys(config.prefix, _REFUSED, _WHY)
    if config.keys == "escaped":
        keys = NarrowKeys(config.prefix)
    lacks = set(map(ObjectsFeature, config.lacks))
    if client.account is None:
        lacks.add(ObjectsFeature.PRESIGN)
    return GcsObjects(client, keys, frozenset(ObjectsFeature) - lacks, opening.clock)


def _stored(resource: Mapping[str, Any]) -> Stored:
    info = info_of(str(resource["name"]), resource)
    line = Listed(info.key, info.size_bytes, info.version, info.modified)
    return Stored(line, facts_of(resource).rest)


def _written(answer: Answer, condition: Mapping[str, str]) -> str:
    if answer.status != 200:
        raise _refused(answer, condition)
    return version_of(told(answer))


def _refused(answer: Answer, condition: Mapping[str, str]) -> OmniCloudError:
    """The error for a write that the service did not do."""
    expected = condition.get("ifGenerationMatch")
    if answer.status == 412 and expected == NOTHING_THERE:
        return AlreadyExistsError("the object is there")
    if answer.status == 404 and expected is not None and not is_no_bucket(answer):
        return ConflictError("the object is not there")
    return refusal(answer)
