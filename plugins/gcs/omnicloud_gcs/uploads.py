"""Objects in parts: each part is an object of its own until the service composes them to one.

The service's resumable uploads take bytes in order only, so no part could be sent again. Parts
are kept under ``~~uploads/ID/`` with an object ``begin``, which says what the object will be; an
upload whose ``begin`` is gone is gone.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from omnicloud.contracts.objects.beside import Facts
from omnicloud.contracts.objects.models import PartInfo
from omnicloud.contracts.objects.stored_keys import OURS, StoredKeys
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.http import Answer
from omnicloud.core.together import together
from omnicloud.errors import ConflictError, NotFoundError, OmniCloudError
from omnicloud_gcs.client import Client, told
from omnicloud_gcs.errors import refusal
from omnicloud_gcs.integrity import md5_of
from omnicloud_gcs.resources import resource_of, version_of

__all__ = ["COMPOSED_MOST", "Uploads"]

COMPOSED_MOST = 32
"""Objects that the service composes in one request."""

_AT_ONCE = 16
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads in parts of one bucket."""

    client: Client
    keys: StoredKeys

    async def begin(self, op: BeginUpload) -> str:
        """Begin one and answer its id."""
        facts = Facts(op.metadata, rest=self.keys.rest(op.key))
        resource_of(op.content_type, facts)  # refused now if ever
        upload_id = f"{secrets.token_hex(16)}-{_digest(op.key)}"
        will_be = {"type": op.content_type, "metadata": op.metadata, "rest": facts.rest}
        name = self._folder(upload_id) + "begin"
        told(await self.client.insert({"name": name}, json.dumps(will_be).encode()))
        return upload_id

    async def part(self, op: UploadPart) -> str:
        """Store a part and answer its generation."""
        await self._begun(op.key, op.upload_id, {})
        resource: dict[str, Any] = {"name": f"{self._folder(op.upload_id)}{op.number:05}"}
        if op.checksum is not None:
            resource["md5Hash"] = await md5_of(op.data)
        return version_of(told(await self.client.insert(resource, op.data)))

    async def listed(self, op: ListParts) -> tuple[PartInfo, ...]:
        """The parts that have arrived, by number."""
        await self._begun(op.key, op.upload_id, {})
        found = await self._objects(op.upload_id)
        return tuple(
            PartInfo(int(name), version_of(one), int(one["size"]))
            for name, one in sorted(found.items())
            if name.isdigit()
        )

    async def complete(self, op: CompleteUpload, condition: Mapping[str, str]) -> Answer:
        """Make the object under this condition; the answer may be a refusal.

        Raises:
            NotFoundError: There is no such upload.
            ConflictError: A part is not there under its tag.
        """
        will_be = told(await self._begun(op.key, op.upload_id, {"alt": "media"}))
        there = {
            (part.number, part.tag) for part in await self.listed(ListParts(op.key, op.upload_id))
        }
        if not there.issuperset((part.number, part.tag) for part in op.parts):
            raise ConflictError("a part is not there under its tag")
        metadata = tuple((name, value) for name, value in will_be["metadata"])
        facts = Facts(metadata, op.checksum, will_be["rest"])
        resource = resource_of(will_be["type"], facts)
        stored, folder = self.keys.stored(op.key), self._folder(op.upload_id)
        if op.parts:
            sources = [_source(f"{folder}{part.number:05}", part.tag) for part in op.parts]
            sources = await self._few(folder, sources)
            answer = await self._composed(stored, sources, resource, condition)
        else:  # the service composes no object of none
            answer = await self.client.insert({"name": stored, **resource}, b"", condition)
        if answer.status == 200:
            await self._forgotten(op.upload_id)
        return answer

    async def abort(self, op: AbortUpload) -> None:
        """Forget one; none is no error."""
        if not _is_of(op.upload_id, op.key):
            await asyncio.sleep(0)
            return
        await self._removed(op.upload_id)

    async def _begun(self, key: str, upload_id: str, query: Mapping[str, str]) -> Answer:
        path = self.client.path(self._folder(upload_id) + "begin")
        answer = await self.client.ask("GET", path, query)
        if answer.status == 404 or not _is_of(upload_id, key):
            raise NotFoundError("there is no such upload of that key")
        return answer

    async def _few(self, folder: str, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As many sources as one request takes, composed of all."""
        level = 0
        while len(sources) > COMPOSED_MOST:
            groups = [
                (f"{folder}joined-{level}-{start}", sources[start : start + COMPOSED_MOST])
                for start in range(0, len(sources), COMPOSED_MOST)
            ]
            sources, level = await together(self._joined, groups, _AT_ONCE), level + 1
        return sources

    async def _joined(self, group: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
        name, sources = group
        return _source(name, version_of(told(await self._composed(name, sources, {}, {}))))

    async def _composed(
        self,
        stored: str,
        sources: Sequence[Mapping[str, Any]],
        resource: Mapping[str, Any],
        condition: Mapping[str, str],
    ) -> Answer:
        body = {"sourceObjects": sources, "destination": resource}
        return await self.client.ask(
            "POST", f"{self.client.path(stored)}/compose", condition, body=body
        )

    async def _forgotten(self, upload_id: str) -> None:
        """The object is there: what cannot be removed now costs storage, and no more."""
        try:
            await self._removed(upload_id)
        except OmniCloudError:
            return

    async def _removed(self, upload_id: str) -> None:
        """Remove ``begin`` first: without it there is no upload."""
        folder = self._folder(upload_id)

        async def remove(name: str) -> None:
            answer = await self.client.ask("DELETE", self.client.path(folder + name))
            if answer.status not in (200, 204, 404):
                raise refusal(answer)

        await remove("begin")
        await together(remove, await self._objects(upload_id), _AT_ONCE)

    async def _objects(self, upload_id: str) -> dict[str, dict[str, Any]]:
        """What is kept of an upload, by the names in its folder."""
        folder = self._folder(upload_id)
        query, found = {"prefix": folder, "maxResults": str(_PAGE)}, {}
        while True:
            page = told(await self.client.ask("GET", self.client.path(), query))
            for one in page.get("items", []):
                found[one["name"].removeprefix(folder)] = one
            if "nextPageToken" not in page:
                return found
            query["pageToken"] = page["nextPageToken"]

    def _folder(self, upload_id: str) -> str:
        return f"{self.keys.beginning('')}{OURS}uploads/{upload_id}/"


def _source(name: str, generation: str) -> dict[str, Any]:
    return {"name": name, "objectPreconditions": {"ifGenerationMatch": generation}}


def _is_of(upload_id: str, key: str) -> bool:
    return upload_id.endswith(f"-{_digest(key)}")


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:32]
