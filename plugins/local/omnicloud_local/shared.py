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
        return await Database.open(path, clock=opening.clock, durability=config.durability)

    return await opening.share(("local", str(path), config.durability), open_)
