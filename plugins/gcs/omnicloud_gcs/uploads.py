"""Objects in parts: each part is an object of its own until the service composes them to one.

The service's resumable uploads take bytes in order only, so no part could be sent again. Parts
are kept under ``~~uploads/ID/`` beside an empty object, the upload's mark (see
:mod:`omnicloud_gcs.marks`); an upload whose mark is gone is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from omnicloud.contracts.objects.beside import Facts
from omnicloud.contracts.objects.marked import (
    ANY_CHECKSUM,
    RACES,
    is_upload_of,
    left_alone,
    new_upload_id,
    no_upload,
    overtaken,
    removed_at_best,
)
from omnicloud.contracts.objects.models import PartInfo, PartTag
from omnicloud.contracts.objects.stored_keys import OURS, StoredKeys
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
    UploadPart,
)
from omnicloud.core.clock import Clock
from omnicloud.core.http import Answer
from omnicloud.core.together import together
from omnicloud.errors import (
    ConflictError,
    NotFoundError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ThrottledError,
)
from omnicloud_gcs.client import LISTING, Client, told
from omnicloud_gcs.errors import WRITES_APART_SECONDS, is_no_bucket, refusal
from omnicloud_gcs.integrity import md5_of
from omnicloud_gcs.marks import Mark, is_of, marked
from omnicloud_gcs.resources import facts_of, resource_of, version_of

__all__ = ["COMPOSED_MOST", "Uploads"]

COMPOSED_MOST = 32
"""Objects that the service composes in one request."""

_AT_ONCE = 16
_PAGE = 1000
_MARK = "mark"
_RETAINED = ("retentionExpirationTime", "eventBasedHold", "retention")
"""What the resource of an object has that can neither be written anew nor be removed."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads in parts of one bucket."""

    client: Client
    keys: StoredKeys
    clock: Clock

    async def begin(self, op: BeginUpload) -> str:
        """Begin one and answer its id.

        Raises:
            PermissionDeniedError: The bucket keeps its objects from being written anew.
        """
        facts = Facts(op.metadata, rest=self.keys.rest(op.key))
        resource_of(op.content_type, replace(facts, checksum=ANY_CHECKSUM))  # refused now if ever
        upload_id = new_upload_id(op.key)
        mark = {"name": self._folder(upload_id) + _MARK, **resource_of(op.content_type, facts)}
        made = told(await self.client.insert(mark, b""))
        if any(made.get(name) for name in _RETAINED):
            raise _retained()
        return upload_id

    async def part(self, op: UploadPart) -> str:
        """Store a part and answer its generation."""
        await self._begun(op.key, op.upload_id)
        resource: dict[str, Any] = {"name": f"{self._folder(op.upload_id)}{op.number:05}"}
        if op.checksum is not None:
            resource["md5Hash"] = await md5_of(op.data)
        return version_of(told(await self.client.insert(resource, op.data)))

    async def listed(self, op: ListParts) -> tuple[PartInfo, ...]:
        """The parts that have arrived, by number."""
        await self._begun(op.key, op.upload_id)
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
        for _ in range(RACES):
            before = await left_alone(lambda: self._begun(op.key, op.upload_id), self.clock)
            await self._check_parts(op)
            mark = await self._moved(before, tried=True)
            if mark is None:
                continue  # another came first
            if before.is_tried and await self._is_made(op.key, op.upload_id):
                raise no_upload()
            answer = await self._made(op, mark, condition)
            if answer.status == 200:
                await removed_at_best(self._forgotten(op.upload_id))
                return answer
            if answer.status not in (404, 412) or is_no_bucket(answer):
                return answer
            if await self._given_back(mark):
                await self._check_parts(op)
                return answer
        raise overtaken()

    async def abort(self, op: AbortUpload) -> None:
        """Forget one; none is no error."""
        if not is_upload_of(op.upload_id, op.key):
            await asyncio.sleep(0)
            return
        await self._removed(op.upload_id)

    async def _begun(self, key: str, upload_id: str) -> Mark:
        """The mark of an upload that has not ended.

        Raises:
            NotFoundError: There is no such upload.
        """
        answer = await self.client.ask("GET", self.client.path(self._folder(upload_id) + _MARK))
        if not is_upload_of(upload_id, key) or (answer.status == 404 and not is_no_bucket(answer)):
            raise no_upload()
        mark = Mark.read(upload_id, told(answer))
        if mark.is_tried and await self._is_made(key, upload_id):
            raise no_upload()
        return mark

    async def _moved(self, mark: Mark, *, tried: bool) -> Mark | None:
        """The mark, written anew: nobody else's turn any more; ``None`` where another was first."""
        resource = {"name": self._folder(mark.upload_id) + _MARK, **mark.resource(tried=tried)}
        condition = {"ifGenerationMatch": mark.generation}
        answer = await self.client.insert(resource, b"", condition)
        if answer.status == 412:
            return None
        return replace(mark, generation=version_of(told(answer)), is_tried=tried)

    async def _given_back(self, mark: Mark) -> bool:
        """Whether it was this mark's turn until now; it is nobody's then.

        A second later, where the service does not take the mark so soon after it was written.
        """
        try:
            return await self._moved(mark, tried=False) is not None
        except ThrottledError:
            await self.clock.sleep(WRITES_APART_SECONDS)
            return await self._moved(mark, tried=False) is not None

    async def _is_made(self, key: str, upload_id: str) -> bool:
        """Whether the object is there that the upload became; then the upload is forgotten."""
        answer = await self.client.ask("GET", self.client.path(self.keys.stored(key)))
        if answer.status == 404 and not is_no_bucket(answer):
            return False
        if not is_of(upload_id, told(answer)):
            return False
        await removed_at_best(self._forgotten(upload_id))
        return True

    async def _check_parts(self, op: CompleteUpload) -> None:
        found = await self._objects(op.upload_id)
        for part in op.parts:
            one = found.get(_part(part))
            if one is None or version_of(one) != part.tag:
                await self._begun(op.key, op.upload_id)  # whose end takes its parts away
                raise ConflictError("a part is not there under its tag")

    async def _made(self, op: CompleteUpload, mark: Mark, condition: Mapping[str, str]) -> Answer:
        """Compose the object, as long as it is this mark's turn."""
        folder = self._folder(op.upload_id)
        sources = [_source(folder + _part(part), part.tag) for part in op.parts]
        try:
            sources = await self._few(folder, sources)
        except (NotFoundError, ConflictError):  # a part is another, or gone
            return Answer(412, {}, b"")
        turn = _source(folder + _MARK, mark.generation)  # adds no byte
        facts = replace(facts_of(mark.will_be), checksum=op.checksum)
        resource = marked(op.upload_id, resource_of(mark.content_type, facts))
        stored = self.keys.stored(op.key)
        return await self._composed(stored, [turn, *sources], resource, condition)

    async def _few(self, folder: str, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As many sources as one request takes, composed of all."""
        level = 0
        while len(sources) >= COMPOSED_MOST:  # the mark is one more
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

    async def _removed(self, upload_id: str) -> None:
        """Remove the mark first: without it there is no upload, and none is completed."""
        folder = self._folder(upload_id)

        async def remove(name: str) -> None:
            refused = await self._refused(folder + name)
            if refused is not None:
                raise refused

        await remove(_MARK)
        await together(remove, await self._objects(upload_id), _AT_ONCE)

    async def _forgotten(self, upload_id: str) -> None:
        """Remove what an upload leaves that became its object.

        Of what was written within the last second the service may refuse to remove it yet: that is
        tried once more.
        """
        if not await self._swept(upload_id):
            await self.clock.sleep(WRITES_APART_SECONDS)
            await self._swept(upload_id)

    async def _swept(self, upload_id: str) -> bool:
        """Remove what is left, the mark first; whether nothing has to be tried again."""
        folder = self._folder(upload_id)

        async def is_slowed(name: str) -> bool:
            return isinstance(await self._refused(folder + name), ThrottledError)

        is_marked = await is_slowed(_MARK)
        others = [name for name in await self._objects(upload_id) if name != _MARK]
        return not (is_marked or any(await together(is_slowed, others, _AT_ONCE)))

    async def _refused(self, stored: str) -> OmniCloudError | None:
        """Remove one object; the service's refusal if it is still there."""
        answer = await self.client.ask("DELETE", self.client.path(stored))
        return None if answer.status in (200, 204, 404) else refusal(answer)

    async def _objects(self, upload_id: str) -> dict[str, dict[str, Any]]:
        """What is kept of an upload, by the names in its folder."""
        folder = self._folder(upload_id)
        query, found = {"prefix": folder, "maxResults": str(_PAGE)}, {}
        while True:
            page = told(await self.client.ask("GET", self.client.path(), query), LISTING)
            for one in page.get("items", []):
                found[one["name"].removeprefix(folder)] = one
            if "nextPageToken" not in page:
                return found
            query["pageToken"] = page["nextPageToken"]

    def _folder(self, upload_id: str) -> str:
        return f"{self.keys.beginning('')}{OURS}uploads/{upload_id}/"


def _source(name: str, generation: str) -> dict[str, Any]:
    return {"name": name, "objectPreconditions": {"ifGenerationMatch": generation}}


def _retained() -> OmniCloudError:
    return PermissionDeniedError(
        "the bucket retains or holds its objects, and an upload in parts has to write one anew",
        hint="put whole objects, or use a bucket without retention and default holds",
        outcome=Outcome.NOT_DONE,
    )


def _part(part: PartTag) -> str:
    return f"{part.number:05}"
