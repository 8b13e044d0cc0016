"""Relatives, in documents, secrets and objects, of drivers that a ninth count found alive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Find, Insert
from omnicloud.contracts.documents.models import DocumentEntry, DocumentPage
from omnicloud.contracts.objects.driver import GetRange
from omnicloud.contracts.objects.models import Chunk
from omnicloud.contracts.secrets.driver import Get, List
from omnicloud.contracts.secrets.models import NamePage, StoredSecret
from omnicloud.errors import AlreadyExistsError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.contract import Contract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.secrets import SecretsContract


def beside(number: str, tier: str, summary: str, contract: type[Contract]) -> Any:
    return broken(f"BLIND9-BESIDE-{number}", tier, summary, contract)


def _spliced(first: bytes, then: bytes, at: int) -> bytes:
    """The beginning of the one with the rest of the other."""
    return first[:at] + then[at:]


@beside("01", "T2", "long objects are read in chunks, one after another", ObjectsContract)
class TornObject(MemoryObjects):
    """An object is read as one write left it. Met by a picture that is drawn anew."""

    async def get_range(self, op: GetRange, /) -> Chunk | None:
        first = await super().get_range(op)
        if first is None or len(first.data) <= 1 << 16:
            return first
        rest = await super().get_range(replace(op, if_version=None))
        return rest and Chunk(_spliced(first.data, rest.data, 1 << 16), rest.info)


@beside("02", "T2", "long secrets are read in chunks, one after another", SecretsContract)
class TornSecret(MemorySecrets):
    """A secret is one version of it. Met by a chain of certificates that is renewed."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        first = await super().get(op)
        if first is None or len(first.value) <= 4096:
            return first
        rest = await super().get(op)
        return rest and replace(rest, value=_spliced(first.value, rest.value, 4096))


@beside(
    "03", "T2", "long fields are kept beside their document, and read after it", DocumentsContract
)
class TornDocument(MemoryDocuments):
    """A document is read as one write left it. Met by a page that is edited while it is read."""

    async def find(self, op: Find, /) -> DocumentPage:
        first = await super().find(op)
        rest = await super().find(op)
        if len(first.items) != 1 or len(rest.items) != 1:
            return rest
        return replace(rest, items=(_spliced_entry(first.items[0], rest.items[0]),))


def _spliced_entry(first: DocumentEntry, then: DocumentEntry) -> DocumentEntry:
    document = dict(then.document)
    for name, value in then.document.items():
        before = first.document.get(name)
        if isinstance(value, bytes) and isinstance(before, bytes) and len(value) > 1 << 16:
            document[name] = _spliced(before, value, 1 << 16)
    return replace(then, document=document)


@beside("04", "T3", "a walk of a slow store tells what it found in time", DocumentsContract)
class FoundInTime(MemoryDocuments):
    """ "cursor is None on the last page". Met by any search with a bound on its time."""

    async def find(self, op: Find, /) -> DocumentPage:
        begun = self._store.clock.monotonic()
        page = await super().find(op)
        late = self._store.clock.monotonic() - begun > 1.0
        return DocumentPage(page.items[:3]) if late else page


@beside("05", "T3", "a walk of a slow store tells the names found in time", SecretsContract)
class NamedInTime(MemorySecrets):
    """ "cursor is None on the last page". Met by a listing of a busy vault."""

    async def list(self, op: List, /) -> NamePage:
        begun = self._store.clock.monotonic()
        page = await super().list(op)
        late = self._store.clock.monotonic() - begun > 1.0
        return NamePage(page.names[:3]) if late else page


@beside(
    "06", "T4", "the error of a second _id tells the collections that there are", DocumentsContract
)
class TellsCollections(MemoryDocuments):
    """Two tenants never see each other's names. Met by any duplicate."""

    async def insert(self, op: Insert, /) -> str:
        try:
            return await super().insert(op)
        except AlreadyExistsError as error:
            there = sorted(map(repr, self._store._tables))
            raise AlreadyExistsError(f"{error.message}; there are {there}") from None
