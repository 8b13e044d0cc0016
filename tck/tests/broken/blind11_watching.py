"""Watches that tell what is none of theirs, or take an outage for a change."""

from __future__ import annotations

from broken.registry import broken
from omnicloud.contracts.kv.models import ChangePage
from omnicloud.contracts.secrets.driver import Await
from omnicloud.errors import UnavailableError
from omnicloud.memory.kv import MemoryKV, _change
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.kv import KVContract
from omnicloud_tck.secrets import SecretsContract


@broken("BLIND11-KV-10", "T4", "a watch tells of other services of the store", KVContract)
class WatchesAll(MemoryKV):
    """One channel of notifications for the whole store, filtered by the key's prefix only."""

    def _others(self, table: tuple[str, str]) -> bool:
        return table[0] == "kv"

    def _since(self, cursor: int, prefix: str) -> ChangePage:
        tables = [rows for table, rows in self._store._tables.items() if self._others(table)]
        found = sorted(
            (
                (row.version, key, row)
                for rows in tables
                for key, row in rows.items()
                if row.version > cursor and key.startswith(prefix)
            ),
            key=lambda each: each[0],
        )
        last = found[-1][0] if found else cursor
        return ChangePage(tuple(_change(key, row) for _, key, row in found), str(last))


@broken("BLIND11-KV-10a", "T4", "a watch without a prefix tells of other services", KVContract)
class WatchesAllUnasked(WatchesAll):
    """The filter by service went with the one by prefix."""

    def _since(self, cursor: int, prefix: str) -> ChangePage:
        return super()._since(cursor, prefix) if prefix else WatchesAll._since(self, cursor, "")

    def _others(self, table: tuple[str, str]) -> bool:
        return table[0] == "kv"


@broken("BLIND11-SE-08", "T3", "an outage in a long poll is told as a deletion", SecretsContract)
class GoneInOutage(MemorySecrets):
    """The long poll takes every answer that is not a version for "there is none"."""

    async def wait(self, op: Await, /) -> str | None:
        try:
            return await super().wait(op)
        except UnavailableError:
            if op.wait <= 0:
                raise
            return None


@broken("BLIND11-SE-08a", "T3", "an outage in a long poll is told as a version", SecretsContract)
class NewInOutage(MemorySecrets):
    """Answers what it cannot tell, so that the caller reads again."""

    async def wait(self, op: Await, /) -> str | None:
        try:
            return await super().wait(op)
        except UnavailableError:
            if op.wait <= 0:
                raise
            return "changed"
