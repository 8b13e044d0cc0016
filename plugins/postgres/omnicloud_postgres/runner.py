"""What drivers send their statements through: the store, a transaction, or an application's."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from omnicloud_postgres.pool import Row

__all__ = ["Runner"]


class Runner(Protocol):
    """Runs statements."""

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        """Run one statement and answer its rows.

        Raises:
            OmniCloudError: As the table in ``errors`` says.
        """

    def unit(self, *, snapshot: bool = False) -> AbstractAsyncContextManager[Runner]:
        """Several statements that take effect together when the block ends, or not at all.

        With ``snapshot`` they only read, and see one moment.
        """
