"""Writing into a collection: each write is one transaction, which a guard counts.

A write that names one ``_id`` takes the document if it is as it was read. Any other one also
makes sure that nobody has written into the collection since it began to search. Who comes
second looks again.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from omnicloud.contracts.documents.engine import asked_id
from omnicloud.contracts.documents.filters import All, Filter, matches
from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import Path
from omnicloud.contracts.documents.values import encoded
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    OmniCloudError,
    ThrottledError,
)
from omnicloud_aws.client import Client
from omnicloud_aws.documents_guards import (
    CANCELLED,
    Guards,
    MovedError,
    bumped,
    codes,
    read_guards,
    renamed,
)
from omnicloud_aws.documents_indexes import changed, read_indexes, values_of, with_index
from omnicloud_aws.documents_items import Place, Stored
from omnicloud_aws.documents_reading import Reader
from omnicloud_aws.errors import RefusedError

__all__ = ["Change", "Decide", "Writer"]

T = TypeVar("T")
_TURNS = 64  # of writers that meet
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.01, 0.5
_AT_ONCE = 25

Decide = Callable[[Stored | None], Document | None]
"""What there shall be in the place of what was found; ``None``: nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a write found and what it left; both ``None``: nothing."""

    found: Stored | None
    document: Document | None
    version: str | None
    wrote: bool


class _StaleError(Exception):
    """The document is not what it was."""


class Writer:
    """Writes into one collection.

    ``known`` are the texts of indexes by collection, as this client last saw them.
    """

    def __init__(
        self, client: Client, place: Place, known: dict[str, str], document_max_bytes: int
    ) -> None:
        self._client = client
        self._place = place
        self._known = known
        self._most = document_max_bytes
        self._reader = Reader(client, place)

    async def insert(self, document: Document) -> str:
        """Store a document that is not there yet, and answer its version.

        Raises:
            AlreadyExistsError: Its ``_id``, or its values in a unique index, are taken.
        """
        body = self._body(document)
        try:
            return await self._turns(lambda: self._write(None, None, document, body))
        except _StaleError:
            raise _taken() from None

    async def change(self, condition: Filter, decide: Decide) -> Change:
        """Change the first document that matches; what ``decide`` raises is raised."""
        return await self._turns(lambda: self._changed(condition, decide))

    async def create_index(self, paths: tuple[Path, ...], *, unique: bool) -> None:
        """Index the collection.

        Raises:
            ConflictError: The fields are indexed in the other way, or are not unique.
        """
        await self._turns(lambda: self._indexed(paths, unique=unique))

    async def _turns(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for turn in range(_TURNS):
            try:
                return await attempt()
            except MovedError:
                await self._pause(turn)
        raise ThrottledError("other writers of the collection were always first")

    async def _pause(self, turn: int) -> None:
        longest = min(_LONGEST_SECONDS, _SHORTEST_SECONDS * 2 ** min(turn, 10))
        await self._client.time.clock.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load

    async def _changed(self, condition: Filter, decide: Decide) -> Change:
        identity = asked_id(condition)
        if identity is None:
            guards: Guards | None = await read_guards(self._client, self._place)
            present = found = await self._reader.first(condition)
        else:
            guards, present = None, await self._reader.one(identity)
            fits = present is not None and matches(condition, present.entry.document)
            found = present if fits else None
        try:
            document = decide(found)
            body = None if document is None else self._body(document)
        except OmniCloudError:
            await self._unmoved(guards)
            raise
        if body == (None if found is None else found.body):
            await self._unmoved(guards)
            return Change(found, document, None if found is None else found.entry.version, False)
        if found is None and present is not None:
            raise _taken()
        try:
            version = await self._write(guards, found, document, body)
        except _StaleError:
            raise MovedError from None
        return Change(found, document, None if document is None else version, True)

    async def _unmoved(self, guards: Guards | None) -> None:
        """See that what a search told was so at one moment."""
        if guards is not None and await read_guards(self._client, self._place) != guards:
            raise MovedError

    async def _write(
        self,
        guards: Guards | None,
        old: Stored | None,
        document: Document | None,
        body: bytes | None,
    ) -> str:
        """Put a document in the place of another; either may be none.

        Raises:
            MovedError: Somebody counted a guard; nothing was written.
            _StaleError: The document is not the old one; nothing was written.
            AlreadyExistsError: Its values in a unique index are taken; nothing was written.
        """
        indexes = self._known.get(self._place.collection, "") if guards is None else guards.indexes
        before = None if old is None else old.entry.document
        left, taken = changed(read_indexes(indexes), before, document)
        counting = bumped(self._place, guards, indexes)
        action, version = self._action(old, document, body)
        values = [{"Delete": self._place.at("unique", key)} for key in sorted(left)]
        values += [self._taking(key) for key in sorted(taken)]
        failed = await self._transacted([*counting, action, *values])
        if failed[len(counting)]:
            raise _StaleError
        if any(failed[: len(counting)]):
            await self._learn(guards)
            raise MovedError
        if any(failed):
            raise AlreadyExistsError("a document has these values in a unique index")
        return version

    async def _transacted(self, actions: list[dict[str, Any]]) -> list[bool]:
        """By action, whether its condition did not hold; if one did not, nothing was done."""
        try:
            await self._client.ask("transact_write_items", (CANCELLED,), TransactItems=actions)
        except RefusedError as refused:
            return codes(refused)
        return [False] * len(actions)

    def _action(
        self, old: Stored | None, document: Document | None, body: bytes | None
    ) -> tuple[dict[str, Any], str]:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(p)"}
        if old is not None:
            same = {":old": {"S": old.entry.version}}
            condition = {"ConditionExpression": "n = :old", "ExpressionAttributeValues": same}
        if document is not None and body is not None:
            item = self._place.item(document, body)
            put = {"TableName": self._place.table, "Item": item, **condition}
            return {"Put": put}, str(item["n"]["S"])
        identity = "" if old is None else old.id
        return {"Delete": {**self._place.document(identity), **condition}}, ""

    def _taking(self, key: bytes) -> dict[str, Any]:
        where = self._place.at("unique", key)
        condition = {"ConditionExpression": "attribute_not_exists(p)"}
        return {"Put": {"TableName": where["TableName"], "Item": where["Key"], **condition}}

    async def _learn(self, guards: Guards | None) -> None:
        """See which indexes there are, where they are not those that were thought."""
        if guards is None:
            seen = await read_guards(self._client, self._place)
            if len(self._known) >= 1_000:
                self._known.clear()
            self._known[self._place.collection] = seen.indexes

    async def _indexed(self, paths: tuple[Path, ...], *, unique: bool) -> None:
        guards = await read_guards(self._client, self._place)
        made = with_index(guards.indexes, paths, unique=unique)
        if made is None:
            return
        text, index = made
        try:
            keys = values_of(index, await self._reader.all(All()) if unique else ())
        except ConflictError:
            await self._unmoved(guards)
            raise
        items = [self._place.at("unique", key)["Key"] for key in sorted(keys)]
        await self._batch({"PutRequest": {"Item": item}} for item in items)
        try:
            failed = any(await self._transacted(renamed(self._place, guards, text)))
        except MovedError:
            failed = True
        if failed:
            await self._batch({"DeleteRequest": {"Key": item}} for item in items)
            raise MovedError

    async def _batch(self, asked: Iterable[dict[str, Any]]) -> None:
        table, requests = self._place.table, list(asked)
        for first in range(0, len(requests), _AT_ONCE):
            left = requests[first : first + _AT_ONCE]
            for turn in range(_TURNS):
                answer = await self._client.ask("batch_write_item", RequestItems={table: left})
                left = (answer.get("UnprocessedItems") or {}).get(table) or []
                if not left:
                    break
                await self._pause(turn)
            else:
                raise ThrottledError("the service asks for fewer requests")

    def _body(self, document: Document) -> bytes:
        body = encoded(document)
        if len(body) > self._most:
            raise InvalidArgumentError(
                f"the document would have {len(body)} bytes, the limit document_max_bytes is "
                f"{self._most}",
                hint="store what is large as an object and its key in the document",
            )
        return body


def _taken() -> AlreadyExistsError:
    return AlreadyExistsError("there is a document of that _id in the collection")
