"""Documents and secrets that are wrong as kv, cache and objects were in an eighth count."""

from __future__ import annotations

from dataclasses import replace

from broken.registry import broken
from omnicloud.contracts.documents.driver import Find, Insert
from omnicloud.contracts.documents.models import Document, DocumentPage
from omnicloud.contracts.secrets.driver import Get, Set
from omnicloud.contracts.secrets.models import StoredSecret
from omnicloud.memory.documents import MemoryDocuments, _Row
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.secrets import SecretsContract


@broken("KIN8-DO-01", "T4", "names of collections are cut to 1,024 characters", DocumentsContract)
class CutCollections(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        return await super().insert(replace(op, collection=op.collection[:1024]))

    async def find(self, op: Find, /) -> DocumentPage:
        return await super().find(replace(op, collection=op.collection[:1024]))


@broken("KIN8-DO-02", "T4", "what is written over is kept as a document _id:old", DocumentsContract)
class OldBeside(MemoryDocuments):
    def _write(self, collection: str, document: Document) -> int:
        rows, name = self._rows(collection), document["_id"]
        before = rows.get(name)
        version = super()._write(collection, document)
        if before is not None:
            old = f"{name}:old"
            rows[old] = _Row({**before.document, "_id": old}, before.version)
        return version


@broken("KIN8-SE-01", "T4", "names of secrets are cut to 1,024 characters", SecretsContract)
class CutSecrets(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, secret=op.secret[:1024]))

    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(replace(op, secret=op.secret[:1024]))


@broken("KIN8-SE-02", "T4", "each version is kept as a secret of name/version too", SecretsContract)
class VersionsBeside(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        await super().set(replace(op, secret=f"{op.secret}/version", value=version.encode()))
        return version
