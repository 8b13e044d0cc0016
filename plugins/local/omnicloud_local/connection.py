"""SQLite connections, set up for one database file that several processes share."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from omnicloud_local.errors import mapped

__all__ = ["BUSY_SECONDS", "connect"]

BUSY_SECONDS = 10.0
"""How long a writer waits for another process's transaction before it gives up, not done."""

_CACHE_KIB = 16 * 1024
_WAL_PAGES = 4000  # at 4 KiB a page: the log is folded back at about 16 MiB


def connect(path: Path, *, synchronous: str, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from whichever thread owns it.

    Raises:
        CorruptedError: The file is no database; it was left as it is.
    """
    with mapped(f"opening {path}"):
        connection = sqlite3.connect(
            path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA temp_store = MEMORY")
            if read_only:
                connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection
