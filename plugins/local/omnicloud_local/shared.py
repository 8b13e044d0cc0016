"""How services of the embedded default come to share one database."""

from __future__ import annotations

from omnicloud.core.opening import Opening
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database

__all__ = ["DATABASE_FILE", "database_of"]

DATABASE_FILE = "omnicloud.db"


async def database_of(config: LocalConfig, opening: Opening) -> Database:
    """The database of the configured folder, opened once in this process's cloud."""
    path = config.path.absolute() / DATABASE_FILE

    async def open_() -> Database:
        database = await Database.open(path, clock=opening.clock, durability=config.durability)
        for schema in _joint_schemas():
            await database.define(schema)
        return database

    return await opening.share(("local", str(path), config.durability), open_)


def _joint_schemas() -> tuple[str, ...]:
    """The tables of contracts that share transactions.

    They are made at once: a service that is first used inside a transaction could not make
    them, for the transaction holds the writer.
    """
    from omnicloud_local import documents_rows, kv, outbox

    return kv.SCHEMA, documents_rows.SCHEMA, outbox.SCHEMA
