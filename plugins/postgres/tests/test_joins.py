"""Business rows and ours in one transaction: this provider's, or the application's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from bench import Bench, bench
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.documents import Documents
from omnicloud.contracts.documents.driver import Begin
from omnicloud.contracts.kv import KV
from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    UnavailableError,
)
from omnicloud_postgres.documents import open_documents
from omnicloud_postgres.kv import open_kv
from omnicloud_postgres.outbox import open_outbox
from omnicloud_tck.joint import check_joint

_EVENT = OutboxEvent("orders", b"placed", aggregate_key="o-1")


async def _outbox(one: Bench) -> Outbox:
    return Outbox(Pipeline(await one.open(open_outbox)))


async def _numbers(outbox: Outbox) -> list[int | None]:
    found = await outbox.get_pending_events_for_aggregate("o-1")
    return [event["sequence_id"] for event in found]


@asynccontextmanager
async def _all_three(one: Bench) -> AsyncIterator[tuple[KV[str], Documents, Outbox]]:
    kv = KV(Pipeline(await one.open(open_kv)), TEXT)
    yield kv, Documents(Pipeline(await one.open(open_documents))), await _outbox(one)


async def _write_all(services: tuple[KV[str], Documents, Outbox], begun: Any) -> None:
    kv, documents, outbox = services
    await kv.within(begun).set("k", "v")
    await documents.within(begun).insert_one("c", {"_id": "k"})
    await outbox.within(begun).save_event(_EVENT)


async def test_kv_documents_and_outbox_are_written_together_or_not_at_all() -> None:
    async with bench() as one, _all_three(one) as services:
        kv, documents, outbox = services
        begun = await documents.pipeline.driver.begin(Begin())
        await _write_all(services, begun)
        await begun.rollback()
        seen = (await kv.get("k"), await documents.count("c"), await _numbers(outbox))
        assert seen == (None, 0, [])
        begun = await documents.pipeline.driver.begin(Begin())
        await _write_all(services, begun)
        assert await kv.get("k") is None
        await begun.commit()
        seen = (await kv.get("k"), await documents.count("c"), await _numbers(outbox))
        assert seen == ("v", 1, [1])


async def test_whichever_begins_a_transaction_the_others_join_it() -> None:
    async with bench() as one, _all_three(one) as services:
        await check_joint(*services)


async def test_a_cloud_s_transaction_spans_its_services_on_one_database() -> None:
    async with bench() as one:
        url = f"postgresql://127.0.0.1:{one.proxy.port}/postgres"
        contracts = {"stock": "kv", "orders": "documents", "events": "outbox"}
        services = {
            f"{name}-{one.opening.service.name}": {
                "contract": contract,
                "provider": "postgres",
                "url": url,
                "username": "postgres",
            }
            for name, contract in contracts.items()
        }
        stock, orders, events = services
        async with OmniCloud({"services": services}) as cloud:
            async with cloud.transaction() as tx:
                await tx.kv(stock).increment("book", -1)
                await tx.documents(orders).insert_one("orders", {"_id": "o-1"})
                await tx.outbox(events).save_event(_EVENT)
            assert await cloud.kv(stock).get("book") == "-1"
            assert await cloud.documents(orders).count("orders") == 1
            assert await _numbers(cloud.outbox(events)) == [1]


async def test_an_event_is_committed_with_the_rows_of_an_asyncpg_connection() -> None:
    async with bench() as one, one.native() as connection:
        outbox = await _outbox(one)
        await connection.execute("CREATE TEMPORARY TABLE orders (id text)")
        business = connection.transaction()
        await business.start()
        await connection.execute("INSERT INTO orders VALUES ('o-1')")
        await outbox.within(connection).save_event(_EVENT)
        await business.rollback()
        assert await connection.fetchval("SELECT count(*) FROM orders") == 0
        assert await _numbers(outbox) == []
        async with connection.transaction():
            await connection.execute("INSERT INTO orders VALUES ('o-1')")
            await outbox.within(connection).save_event(_EVENT)
            await outbox.within(connection).save_event(_EVENT)
            assert await _numbers(outbox) == []
        assert await connection.fetchval("SELECT count(*) FROM orders") == 1
        assert await _numbers(outbox) == [1, 2]


async def test_an_event_is_committed_with_a_session_of_sqlalchemy() -> None:
    async with bench() as one:
        outbox = await _outbox(one)
        engine = create_async_engine(one.dsn.replace("postgresql:", "postgresql+asyncpg:"))
        try:
            async with AsyncSession(engine) as session:
                # Ours is the first statement: the session's transaction has to begin with it.
                await outbox.within(session).save_event(_EVENT)
                await session.execute(text("CREATE TABLE lost (id int)"))
                await session.rollback()
            assert await _numbers(outbox) == []
            async with AsyncSession(engine) as session, session.begin():
                await outbox.within(session).save_event(_EVENT)
                assert await _numbers(outbox.within(session)) == [1]
                assert await _numbers(outbox) == []
            assert await _numbers(outbox) == [1]
            async with engine.begin() as connection:
                assert await connection.scalar(text("SELECT to_regclass('lost')")) is None
                await outbox.within(connection).save_event(_EVENT)
            assert await _numbers(outbox) == [1, 2]
        finally:
            await engine.dispose()


async def test_a_refused_call_does_not_break_the_application_s_transaction() -> None:
    async with bench() as one, _all_three(one) as (kv, documents, _), one.native() as connection:
        await kv.set("k", "taken")
        await documents.insert_one("c", {"_id": "k"})
        await documents.create_index("c", ["n"], unique=True)
        await documents.insert_one("c", {"_id": "other", "n": 1})
        async with connection.transaction():
            with pytest.raises(AlreadyExistsError):
                await kv.within(connection).set("k", "again", if_absent=True)
            with pytest.raises(ConflictError):
                await kv.within(connection).increment("k")
            for document in ({"_id": "k"}, {"_id": "new", "n": 1}):
                with pytest.raises(AlreadyExistsError):
                    await documents.within(connection).insert_one("c", document)
            await kv.within(connection).set("after", "v")
        assert await kv.get("after") == "v"
        assert await documents.count("c") == 2


async def test_a_connection_without_a_transaction_is_refused_before_anything_is_sent() -> None:
    async with bench() as one, one.native() as connection:
        outbox = await _outbox(one)
        with pytest.raises(InvalidArgumentError, match="no transaction"):
            outbox.within(connection)


async def test_a_transaction_of_another_store_is_refused() -> None:
    async with bench() as one:
        outbox = await _outbox(one)
        documents = await one.open(open_documents, answer_timeout=2.0)
        begun = await documents.begin(Begin())
        with pytest.raises(InvalidArgumentError, match="another store"):
            outbox.within(begun)
        await begun.rollback()


async def test_a_lent_pool_connection_serves_as_well() -> None:
    async with bench() as one:
        outbox = await _outbox(one)
        async with (
            asyncpg.create_pool(one.dsn, ssl=False, min_size=1, max_size=1) as pool,
            pool.acquire() as connection,
            connection.transaction(),
        ):
            await outbox.within(connection).save_event(_EVENT)
        assert await _numbers(outbox) == [1]


async def test_a_crash_in_the_middle_leaves_rows_and_events_in_step() -> None:
    async with bench() as one, _all_three(one) as (kv, documents, outbox):
        acknowledged: list[int] = []

        async def order(number: int) -> None:
            begun = await documents.pipeline.driver.begin(Begin())
            try:
                await kv.within(begun).increment("orders")
                await outbox.within(begun).save_event(_EVENT)
                await documents.within(begun).insert_one("orders", {"_id": f"{number:03}"})
                await begun.commit()
            except UnavailableError:
                await begun.rollback()
                return
            acknowledged.append(number)

        async def orders() -> None:
            for number in range(200):
                try:
                    await order(number)
                except (UnavailableError, ConflictError):
                    await asyncio.sleep(0.02)

        at_work = asyncio.ensure_future(orders())
        for _ in range(3):
            await asyncio.sleep(0.15)
            await one.server.restart()
            one.proxy.reset()
        await at_work
        stored = [entry.document["_id"] async for entry in documents.iterate("orders")]
        numbers = await _numbers(outbox)
        assert numbers == list(range(1, len(stored) + 1))
        assert await kv.get("orders") == str(len(stored))
        assert {f"{number:03}" for number in acknowledged} <= set(stored)
        assert 0 < len(acknowledged) < 200
