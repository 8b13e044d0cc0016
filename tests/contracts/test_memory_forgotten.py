"""A transaction in memory that nobody ends holds up nobody for longer than its time."""

from __future__ import annotations

import pytest

from omnicloud.contracts.kv.driver import Begin, Changes, Set
from omnicloud.contracts.kv.models import ChangeKind
from omnicloud.errors import ConflictError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import TRANSACTION_SECONDS, MemoryStore
from omnicloud.testing import LoopClock, run_virtual


def test_who_only_reads_is_told_of_an_end_behind_a_forgotten_transaction() -> None:
    async def main() -> None:
        kv = MemoryKV(MemoryStore(LoopClock()))
        await kv.set(Set("k", b"v", ttl=5.0))
        cursor = (await kv.changes(Changes("k"))).cursor
        forgotten = await kv.begin(Begin())
        page = await kv.changes(Changes("k", cursor, 2 * TRANSACTION_SECONDS))
        assert [(one.key, one.kind) for one in page.changes] == [("k", ChangeKind.DELETED)]
        with pytest.raises(ConflictError):
            await forgotten.commit()

    run_virtual(main())


def test_a_watch_is_not_told_before_the_time_of_a_transaction_is_over() -> None:
    async def main() -> None:
        kv = MemoryKV(MemoryStore(LoopClock()))
        await kv.set(Set("k", b"v", ttl=TRANSACTION_SECONDS / 4))
        cursor = (await kv.changes(Changes("k"))).cursor
        begun = await kv.begin(Begin())
        page = await kv.changes(Changes("k", cursor, TRANSACTION_SECONDS / 2))
        assert page.changes == ()
        await begun.commit()
        page = await kv.changes(Changes("k", page.cursor, 1.0))
        assert [one.kind for one in page.changes] == [ChangeKind.DELETED]

    run_virtual(main())
