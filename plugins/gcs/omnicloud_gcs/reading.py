"""Reads: what is known of an object, and ranges of one version of it.

An answer with content tells the generation of an object, not what is kept beside it. So a read
asks for that first, and then for content of that generation; a reader who names a version that
was read before asks for the content alone.

A service that ignores conditions may send the content of a later write under the generation that
was asked for, or refuse a range that the later one does not have and hang up. There the generation
is asked for before the content and after it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.models import Chunk, ObjectInfo
from omnicloud.contracts.objects.stored_keys import StoredKeys
from omnicloud.core.http import Answer
from omnicloud.errors import ConflictError, UnavailableError
from omnicloud_gcs.client import Client, told
from omnicloud_gcs.errors import is_absent, is_no_bucket, refusal
from omnicloud_gcs.resources import condition_of, info_of, version_of

__all__ = ["Reader"]

_RACES = 20  # times that an object may change under a read
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads of one bucket."""

    client: Client
    keys: StoredKeys
    conditional: bool = True
    """Whether the service looks at conditions."""
    _known: OrderedDict[tuple[str, str], ObjectInfo] = field(default_factory=OrderedDict)

    async def stat(self, key: str) -> ObjectInfo | None:
        """What is known of an object."""
        resource = await self.resource(self.keys.stored(key))
        return None if resource is None else info_of(key, told(resource))

    async def resource(self, stored: str) -> Answer | None:
        """The answer that says what is known of an object; ``None`` where there is none."""
        answer = await self.client.ask("GET", self.client.path(stored))
        return None if is_absent(answer) else answer

    async def range(self, op: GetRange) -> Chunk | None:
        """Bytes of one version of an object, with what is known of that version."""
        for _ in range(_RACES):
            info = self._remembered(op) or await self.stat(op.key)
            if info is None:
                return None
            if op.if_version not in (None, info.version):
                raise ConflictError("the object has another version")
            self._remember(info)
            if _has_no_byte(op, info):
                return Chunk(b"", info)
            data = await self._asked_for(op, info)
            if data is not None and await self._is_still(info):
                return Chunk(data, info)
            self._known.pop((op.key, info.version), None)
        raise UnavailableError("the object changed under each attempt to read it")

    async def _asked_for(self, op: GetRange, info: ObjectInfo) -> bytes | None:
        """The bytes of a version; ``None`` where it was overwritten meanwhile."""
        try:
            return await self._content(op, info.version)
        except UnavailableError:
            # Of a shorter content than it had announced a service breaks off.
            if await self._is_still(info):
                raise
            return None

    async def _content(self, op: GetRange, version: str) -> bytes | None:
        """The bytes of a version; ``None`` where it is not there any more."""
        headers = {"accept-encoding": "gzip"}  # content that is stored packed comes as it is
        if op.start or op.end is not None:
            headers["range"] = f"bytes={op.start}-{'' if op.end is None else op.end - 1}"
        path = self.client.path(self.keys.stored(op.key))
        query = {"alt": "media", **condition_of(version)}
        answer = await self.client.ask("GET", path, query, headers)
        if answer.status in (404, 412, 416) and not is_no_bucket(answer):
            return None
        if answer.status not in (200, 206):
            raise refusal(answer)
        if version_of({"generation": answer.headers.get("x-goog-generation", "")}) != version:
            return None  # not every service looks at the condition
        whole = answer.status == 200  # it may not know ranges
        return answer.body[op.start : op.end] if whole else answer.body

    async def _is_still(self, info: ObjectInfo) -> bool:
        """Whether content that came for a version is surely that version's."""
        if self.conditional:
            return True
        now = await self.stat(info.key)
        return now is not None and now.version == info.version

    def _remembered(self, op: GetRange) -> ObjectInfo | None:
        """What is known of the version, unless no request for content would tell it is gone."""
        if not self.conditional:
            return None
        info = self._known.get((op.key, op.if_version or ""))
        return None if info is None or _has_no_byte(op, info) else info

    def _remember(self, info: ObjectInfo) -> None:
        self._known[info.key, info.version] = info
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _has_no_byte(op: GetRange, info: ObjectInfo) -> bool:
    return op.start >= info.size_bytes or (op.end is not None and op.end <= op.start)
