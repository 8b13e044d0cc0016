"""How services of the embedded default come to share one database."""

from __future__ import annotations

from omnicloud.core.opening import Opening
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.documents_rows import SCHEMA as DOCUMENTS
from omnicloud_local.joint_tables import KV, OUTBOX

__all__ = ["DATABASE_FILE", "database_of"]

DATABASE_FILE = "omnicloud.db"

# Made at once: a service that is first used inside a transaction could not make its tables, for
# the transaction holds the writer.
_JOINT = (KV, DOCUMENTS, OUTBOX)


async def database_of(config: LocalConfig, opening: Opening) -> Database:
    """The database of the configured folder, opened once in this process's cloud."""
    path = config.path.absolute() / DATABASE_FILE

    async def open_() -> Database:
        database = await Database.open(path, clock=opening.clock, durability=config.durability)
        for tables in _JOINT:
            await database.define(tables)
        return database

    return await opening.share(("local", str(path), config.durability), open_)
