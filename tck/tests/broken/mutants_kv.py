"""A kv driver as a machine changed it: what has ended is put away by writers alone."""

from __future__ import annotations

from broken.registry import broken
from omnicloud.memory.kv import MemoryKV, _Row
from omnicloud_tck.kv import KVContract


@broken("MUT-KV-01", "T2", "while a transaction is open, ended keys are still read", KVContract)
class EndedStays(MemoryKV):
    """ "ttl=, honoured to the tenth of a second". Met by a long transaction beside sessions."""

    def _live(self, key: str) -> _Row | None:
        row: _Row | None = self._rows().get(key)
        return None if row is None or row.value is None else row
