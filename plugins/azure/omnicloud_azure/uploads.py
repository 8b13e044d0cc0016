"""Objects in parts: blocks of a blob of their own, which is then copied to its key.

Blocks that are not committed belong to a blob's name, and go when anything is written there: two
uploads of one key would lose each other's. So an upload has two blobs of its own:
``~~uploads/ID-begin``, its mark (see :mod:`omnicloud_azure.marks`), and ``~~uploads/ID-whole``,
whose blocks the parts are; an upload whose mark is gone is gone. The service takes no block of no
byte: an empty part is one of a byte that is left out at the end, and its tag says so.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

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
from omnicloud.contracts.objects.models import PartInfo
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
from omnicloud.errors import (
    ConflictError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    UnavailableError,
)
from omnicloud_azure.answers import Block, block_list, blocks
from omnicloud_azure.client import Client
from omnicloud_azure.copying import PENDING, WHOLE, copied, settled, status_of
from omnicloud_azure.errors import code_of, is_no_blob, refusal
from omnicloud_azure.facts import headers_of, version_of
from omnicloud_azure.integrity import md5_of
from omnicloud_azure.marks import Mark, is_of, marking

__all__ = ["Uploads"]

_BLOB = {"x-ms-blob-type": "BlockBlob"}
_NUMBER_DIGITS = 5
_TOKEN_DIGITS = 8
_NO_BYTE = "-"  # ends the tag of a part that has none; ids of blocks have to be of one length
_EMPTY = re.compile(f"[0-9]{{{_NUMBER_DIGITS}}}[0-9a-f]{{{16 + _TOKEN_DIGITS - 1}}}{_NO_BYTE}")
_LEFT_OUT = b"-"  # what stands for a part of no byte
_MARK, _WHOLE = "begin", "whole"
_REFUSED = (400, 404, 409, 412)
_SOURCE_CHANGED = "SourceConditionNotMet"


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads in parts of one container."""

    client: Client
    keys: StoredKeys
    clock: Clock

    async def begin(self, op: BeginUpload) -> str:
        """Begin one and answer its id.

        Raises:
            PermissionDeniedError: The container lets no blob be written anew.
        """
        facts = Facts(op.metadata, rest=self.keys.rest(op.key))
        headers_of(replace(facts, checksum=ANY_CHECKSUM))  # refused now if ever
        upload_id = new_upload_id(op.key)
        will_be = {"type": op.content_type, "metadata": op.metadata, "rest": facts.rest}
        body = json.dumps(will_be).encode()
        made = _fine(await self.client.ask("PUT", self._name(upload_id, _MARK), {}, _BLOB, body))
        mark = Mark(upload_id, version_of(made.headers), body, is_tried=False)
        try:
            await self._moved(mark, tried=False)  # as a completion will have to
        except PermissionDeniedError as error:
            raise _retained() from error
        return upload_id

    async def part(self, op: UploadPart) -> str:
        """Store a part and answer its tag, by which parts of one number are in their order."""
        await self._begun(op.key, op.upload_id)
        number, moment = f"{op.number:0{_NUMBER_DIGITS}}", int(self.clock.wall() * 1e6)
        token = secrets.token_hex(_TOKEN_DIGITS // 2)
        token = token if op.data else token[1:] + _NO_BYTE
        tag = f"{number}{moment:016x}{token}"
        query = {"comp": "block", "blockid": _block_id(tag)}
        headers = {"content-md5": await md5_of(op.data)} if op.checksum and op.data else {}
        name = self._name(op.upload_id, _WHOLE)
        _fine(await self.client.ask("PUT", name, query, headers, op.data or _LEFT_OUT))
        return tag

    async def listed(self, op: ListParts) -> tuple[PartInfo, ...]:
        """The parts that have arrived, by number; of one number the last."""
        await self._begun(op.key, op.upload_id)
        arrived = await self._arrived(op.upload_id)
        return tuple(PartInfo(_number_of(tag), tag, size) for tag, size in arrived.items())

    async def complete(self, op: CompleteUpload, condition: Mapping[str, str]) -> Answer:
        """Make the object under this condition; the answer may be a refusal.

        Raises:
            NotFoundError: There is no such upload.
            ConflictError: A part is not there under its tag.
        """
        for _ in range(RACES):
            before = await left_alone(lambda: self._begun(op.key, op.upload_id), self.clock)
            arrived = await self._named(op)
            refused = await self._refused(op.key, condition)
            if refused is not None:
                return refused
            mark = await self._moved(before, tried=True)
            if mark is None:
                continue  # another came first
            answer = await self._copied(op, mark, arrived, condition)
            if answer.status == 202:
                await removed_at_best(self._removed(op.upload_id))
                return answer
            if answer.status not in _REFUSED:
                return answer
            is_ours = await self._moved(mark, tried=False) is not None
            if is_ours and not _is_of_the_source(answer, condition):
                return answer
        raise overtaken()

    async def abort(self, op: AbortUpload) -> None:
        """Forget one; none is no error.

        Raises:
            UnavailableError: The service is still copying what it became; not done.
        """
        if not is_upload_of(op.upload_id, op.key):
            await asyncio.sleep(0)
            return
        mark = await self._mark(op.upload_id)
        if mark is not None and mark.is_tried and await self._is_made(op.key, op.upload_id):
            return
        await self._removed(op.upload_id)

    async def _begun(self, key: str, upload_id: str) -> Mark:
        """The mark of an upload that has not ended.

        Raises:
            NotFoundError: There is no such upload.
            UnavailableError: The service is still copying what it became; not done.
        """
        mark = await self._mark(upload_id)
        if mark is None or not is_upload_of(upload_id, key):
            raise no_upload()
        if mark.is_tried and await self._is_made(key, upload_id):
            raise no_upload()
        return mark

    async def _mark(self, upload_id: str) -> Mark | None:
        answer = await self.client.ask("GET", self._name(upload_id, _MARK))
        return None if is_no_blob(answer) else Mark.read(upload_id, _fine(answer))

    async def _moved(self, mark: Mark, *, tried: bool) -> Mark | None:
        """The mark, written anew: nobody else's turn any more; ``None`` where another was first."""
        headers = {
            **_BLOB,
            "if-match": f'"{mark.etag}"',
            **(marking(mark.upload_id) if tried else {}),
        }
        name = self._name(mark.upload_id, _MARK)
        answer = await self.client.ask("PUT", name, {}, headers, mark.body)
        if answer.status == 412 or is_no_blob(answer):
            return None
        return replace(mark, etag=version_of(_fine(answer).headers), is_tried=tried)

    async def _is_made(self, key: str, upload_id: str) -> bool:
        """Whether the object is there that the upload became; then the upload is forgotten.

        Raises:
            UnavailableError: The service is still copying it; not done.
        """
        target = self.keys.stored(key)
        answer = await self.client.ask("HEAD", target)
        if status_of(answer) == PENDING:
            answer = await settled(
                self.client, self.clock, target, self.client.config.answer_timeout
            )
        if is_no_blob(answer) or not is_of(upload_id, _fine(answer).headers):
            return False
        if status_of(answer) == PENDING:
            raise _still_copying()
        if status_of(answer) != WHOLE:
            return False
        await removed_at_best(self._removed(upload_id))
        return True

    async def _named(self, op: CompleteUpload) -> dict[str, int]:
        """The parts that have arrived, with all that a completion names among them."""
        arrived = await self._arrived(op.upload_id)
        numbers = {_number_of(tag) for tag in arrived}
        # A completion that was cut off has let empty parts go, which hold nothing but their tag.
        gone = (part.tag for part in op.parts if part.number not in numbers)
        arrived |= {tag: 0 for tag in gone if _EMPTY.fullmatch(tag)}
        if not all(
            part.tag in arrived and _number_of(part.tag) == part.number for part in op.parts
        ):
            await self._begun(op.key, op.upload_id)  # whose end takes its parts away
            raise ConflictError("a part is not there under its tag")
        return arrived

    async def _refused(self, key: str, condition: Mapping[str, str]) -> Answer | None:
        """The refusal of a condition that does not hold now.

        Asked before the parts are put together: those that are not named would be gone.
        """
        if not condition:
            return None
        now = await self.client.ask("HEAD", self.keys.stored(key))
        etag = "" if is_no_blob(now) else f'"{version_of(_fine(now).headers)}"'
        if etag and "if-none-match" in condition:
            return Answer(409, {"x-ms-error-code": "BlobAlreadyExists"}, b"")
        if condition.get("if-match", etag) != etag:
            return Answer(412, {"x-ms-error-code": "ConditionNotMet"}, b"")
        return None

    async def _copied(
        self,
        op: CompleteUpload,
        mark: Mark,
        arrived: Mapping[str, int],
        condition: Mapping[str, str],
    ) -> Answer:
        """Put the parts together and copy them, as long as it is this mark's turn."""
        will_be = mark.will_be
        metadata = tuple((name, value) for name, value in will_be["metadata"])
        headers = headers_of(Facts(metadata, op.checksum, will_be["rest"]))
        headers |= {"x-ms-blob-content-type": will_be["type"], **marking(op.upload_id)}
        tags = (part.tag for part in op.parts if arrived[part.tag])
        whole, listed = self._name(op.upload_id, _WHOLE), block_list(map(_block_id, tags))
        made = await self.client.ask("PUT", whole, {"comp": "blocklist"}, headers, listed)
        if made.status >= 300:
            return made
        # From here on no older one is copied; and a newer one has changed the mark.
        if (await self._begun(op.key, op.upload_id)).etag != mark.etag:
            return Answer(412, {"x-ms-error-code": _SOURCE_CHANGED}, b"")
        source = {"x-ms-source-if-match": f'"{version_of(made.headers)}"'}
        return await copied(
            self.client,
            self.clock,
            whole,
            self.keys.stored(op.key),
            {**condition, **source},
            sum(arrived[part.tag] for part in op.parts),
        )

    async def _arrived(self, upload_id: str) -> dict[str, int]:
        """The tags of the parts that are there, by number and of each the last, with sizes."""
        query = {"comp": "blocklist", "blocklisttype": "all"}
        answer = await self.client.ask("GET", self._name(upload_id, _WHOLE), query)
        if is_no_blob(answer):
            return {}
        last: dict[int, tuple[str, int]] = {}
        sizes = {_tag_of(block): block.size_bytes for block in blocks(_fine(answer).body)}
        for tag in sorted(sizes.keys() - {""}):
            last[_number_of(tag)] = tag, 0 if tag.endswith(_NO_BYTE) else sizes[tag]
        return dict(last.values())

    async def _removed(self, upload_id: str) -> None:
        """Remove the mark first: without it there is no upload, and none is completed."""
        await self._deleted(self._name(upload_id, _MARK))
        whole = self._name(upload_id, _WHOLE)
        # A write lets the blocks go that were never committed; else they are paid for a week.
        _fine(await self.client.ask("PUT", whole, {}, _BLOB))
        await self._deleted(whole)

    async def _deleted(self, name: str) -> None:
        answer = await self.client.ask("DELETE", name)
        if not is_no_blob(answer):
            _fine(answer)

    def _name(self, upload_id: str, what: str) -> str:
        return f"{self.keys.beginning('')}{OURS}uploads/{upload_id}-{what}"


def _fine(answer: Answer) -> Answer:
    if answer.status >= 300:
        raise refusal(answer)
    return answer


def _retained() -> OmniCloudError:
    return PermissionDeniedError(
        "no object of the container may be written anew, which an upload in parts has to do",
        hint="the container retains its objects, or the credentials only create: put whole objects",
        outcome=Outcome.NOT_DONE,
    )


def _still_copying() -> OmniCloudError:
    return UnavailableError(
        "the service is still copying what the upload became", outcome=Outcome.NOT_DONE
    )


def _is_of_the_source(answer: Answer, condition: Mapping[str, str]) -> bool:
    """Whether a copy was refused because what was put together is not there any more."""
    if answer.status == 412 and not condition:
        return True
    return is_no_blob(answer) or code_of(answer) == _SOURCE_CHANGED


def _block_id(tag: str) -> str:
    return base64.b64encode(tag.encode()).decode()


def _tag_of(block: Block) -> str:
    """The tag that a block is of; empty where it is none of ours."""
    try:
        tag = base64.b64decode(block.id, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return tag if tag[:_NUMBER_DIGITS].isdecimal() else ""


def _number_of(tag: str) -> int:
    return int(tag[:_NUMBER_DIGITS])
