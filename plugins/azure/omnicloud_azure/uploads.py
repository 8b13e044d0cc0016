"""Objects in parts: blocks of a blob of their own, which is then copied to its key.

Blocks that are not committed belong to a blob's name, and go when anything is written there: two
uploads of one key would lose each other's. So an upload has a folder ``~~uploads/ID/`` with a blob
``begin``, which says what the object will be, and a blob ``whole``, whose blocks the parts are; an
upload whose ``begin`` is gone is gone.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from omnicloud.contracts.objects.beside import Facts
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
from omnicloud.errors import ConflictError, NotFoundError, OmniCloudError, UnavailableError
from omnicloud_azure.answers import Block, block_list, blocks
from omnicloud_azure.client import Client
from omnicloud_azure.copying import copied
from omnicloud_azure.errors import is_no_blob, refusal
from omnicloud_azure.facts import headers_of
from omnicloud_azure.integrity import md5_of

__all__ = ["Uploads"]

_BLOB = {"x-ms-blob-type": "BlockBlob"}
_NUMBER_DIGITS = 5
_NO_BYTE = "-"  # after a part's number: the tag of a part that has none


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads in parts of one container."""

    client: Client
    keys: StoredKeys
    clock: Clock

    async def begin(self, op: BeginUpload) -> str:
        """Begin one and answer its id."""
        facts = Facts(op.metadata, rest=self.keys.rest(op.key))
        headers_of(facts)  # refused now if ever
        upload_id = f"{secrets.token_hex(16)}-{_digest(op.key)}"
        will_be = {"type": op.content_type, "metadata": op.metadata, "rest": facts.rest}
        body = json.dumps(will_be).encode()
        _fine(await self.client.ask("PUT", self._name(upload_id, "begin"), {}, _BLOB, body))
        return upload_id

    async def part(self, op: UploadPart) -> str:
        """Store a part and answer its tag, by which parts of one number are in their order."""
        await self._begun(op.key, op.upload_id)
        number, moment = f"{op.number:0{_NUMBER_DIGITS}}", int(self.clock.wall() * 1e6)
        if not op.data:  # the service takes no block of no byte
            return number + _NO_BYTE
        tag = f"{number}{moment:016x}{secrets.token_hex(4)}"
        query = {"comp": "block", "blockid": _block_id(tag)}
        headers = {} if op.checksum is None else {"content-md5": await md5_of(op.data)}
        name = self._name(op.upload_id, "whole")
        _fine(await self.client.ask("PUT", name, query, headers, op.data))
        return tag

    async def listed(self, op: ListParts) -> tuple[PartInfo, ...]:
        """The parts that have arrived, by number; of one number the last."""
        await self._begun(op.key, op.upload_id)
        last: dict[int, tuple[str, int]] = {}
        for tag, size in sorted((await self._arrived(op.upload_id)).items()):
            last[int(tag[:_NUMBER_DIGITS])] = tag, size
        return tuple(PartInfo(number, *last[number]) for number in sorted(last))

    async def complete(self, op: CompleteUpload, condition: Mapping[str, str]) -> Answer:
        """Make the object under this condition; the answer may be a refusal.

        Raises:
            NotFoundError: There is no such upload.
            ConflictError: A part is not there under its tag.
        """
        will_be = await self._begun(op.key, op.upload_id)
        arrived = await self._arrived(op.upload_id)
        if not all(_is_there(part, arrived) for part in op.parts):
            raise ConflictError("a part is not there under its tag")
        metadata = tuple((name, value) for name, value in will_be["metadata"])
        headers = headers_of(Facts(metadata, op.checksum, will_be["rest"]))
        headers["x-ms-blob-content-type"] = will_be["type"]
        whole = self._name(op.upload_id, "whole")
        tags = (part.tag for part in op.parts if part.tag in arrived)
        listed = block_list(map(_block_id, tags))
        _fine(await self.client.ask("PUT", whole, {"comp": "blocklist"}, headers, listed))
        target = self.keys.stored(op.key)
        answer = await copied(self.client, self.clock, whole, target, condition)
        if answer.status == 202:
            await self._forgotten(op.upload_id)
        return answer

    async def abort(self, op: AbortUpload) -> None:
        """Forget one; none is no error."""
        if not op.upload_id.endswith(f"-{_digest(op.key)}"):
            await asyncio.sleep(0)
            return
        await self._removed(op.upload_id)

    async def _begun(self, key: str, upload_id: str) -> dict[str, Any]:
        """What the object will be."""
        answer = await self.client.ask("GET", self._name(upload_id, "begin"))
        if is_no_blob(answer) or not upload_id.endswith(f"-{_digest(key)}"):
            raise NotFoundError("there is no such upload of that key")
        try:
            told: dict[str, Any] = json.loads(_fine(answer).body)
        except ValueError as error:
            raise UnavailableError("the service's answer is not what was written") from error
        return told

    async def _arrived(self, upload_id: str) -> dict[str, int]:
        """The tags of the parts that are there, with their sizes."""
        query = {"comp": "blocklist", "blocklisttype": "all"}
        answer = await self.client.ask("GET", self._name(upload_id, "whole"), query)
        if is_no_blob(answer):
            return {}
        found = blocks(_fine(answer).body)
        return {tag: block.size_bytes for block in found if (tag := _tag_of(block)) is not None}

    async def _forgotten(self, upload_id: str) -> None:
        """The object is there: what cannot be removed now costs storage, and no more."""
        try:
            await self._removed(upload_id)
        except OmniCloudError:
            return

    async def _removed(self, upload_id: str) -> None:
        """Remove ``begin`` first: without it there is no upload."""
        await self._deleted(self._name(upload_id, "begin"))
        whole = self._name(upload_id, "whole")
        # A write lets the blocks go that were never committed; else they are paid for a week.
        _fine(await self.client.ask("PUT", whole, {}, _BLOB))
        await self._deleted(whole)

    async def _deleted(self, name: str) -> None:
        answer = await self.client.ask("DELETE", name)
        if not is_no_blob(answer):
            _fine(answer)

    def _name(self, upload_id: str, what: str) -> str:
        return f"{self.keys.beginning('')}{OURS}uploads/{upload_id}/{what}"


def _fine(answer: Answer) -> Answer:
    if answer.status >= 300:
        raise refusal(answer)
    return answer


def _block_id(tag: str) -> str:
    return base64.b64encode(tag.encode()).decode()


def _tag_of(block: Block) -> str | None:
    """The tag that a block is of; ``None`` where it is none of ours."""
    try:
        tag = base64.b64decode(block.id, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return tag if tag[:_NUMBER_DIGITS].isdigit() else None


def _is_there(part: PartTag, arrived: Mapping[str, int]) -> bool:
    number = f"{part.number:0{_NUMBER_DIGITS}}"
    return part.tag == number + _NO_BYTE or (part.tag in arrived and part.tag.startswith(number))


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:32]
