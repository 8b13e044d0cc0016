"""Another server at the address after a failover, and one without room."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from bench import bench

from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.errors import Outcome, ResourceExhaustedError, UnavailableError
from omnicloud_postgres.errors import translated
from omnicloud_postgres.kv import open_kv


async def test_a_primary_that_became_a_standby_is_left_for_the_one_at_the_address_now() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=2)
        asked = "SET default_transaction_read_only = on"  # of this connection alone
        await asyncio.gather(*(kv._store.rows(f"{asked} -- {n}") for n in range(2)))
        before = kv._store.open_connections
        with pytest.raises(UnavailableError) as told:
            await kv.set(Set("k", b"x"))
        assert told.value.outcome is Outcome.NOT_DONE
        assert kv._store.open_connections < before
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"y")) for n in range(4)))
        record = await kv.get(Get("k0"))
        assert record is not None
        assert record.value == b"y"


@pytest.mark.parametrize(
    "native", [asyncpg.DiskFullError, asyncpg.OutOfMemoryError, asyncpg.PostgresIOError]
)
def test_a_full_disk_and_memory_are_exhausted_and_nothing_was_done(
    native: type[asyncpg.PostgresError],
) -> None:
    said = translated(native("could not extend file"))
    assert type(said) is ResourceExhaustedError
    assert said.outcome is Outcome.NOT_DONE
