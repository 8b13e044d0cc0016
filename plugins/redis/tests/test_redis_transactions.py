"""Services of one server commit together, as an application sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from server import Bench, bench

from omnicloud import OmniCloud
from omnicloud.contracts.outbox import OutboxEvent
from omnicloud.contracts.outbox.driver import ListEvents
from omnicloud.contracts.outbox.models import EventStatus
from omnicloud.contracts.outbox.portable import SPACE
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_tck.joint import check_joint


@asynccontextmanager
async def shop(**events: Any) -> AsyncIterator[tuple[Bench, OmniCloud]]:
    """Stock and events on one server; ``events`` are more settings of the latter."""
    async with bench() as one:
        where = {"provider": "redis", "url": f"redis://127.0.0.1:{one.server.port}/0"}
        services = {
            "stock": {"contract": "kv", "requires": ["transaction"], **where},
            "events": {"contract": "outbox", "requires": ["transaction"], **where, **events},
        }
        async with OmniCloud({"services": services}) as cloud:
            yield one, cloud


async def pending(cloud: OmniCloud) -> list[tuple[int | None, bytes]]:
    found = await cloud.outbox("events").get_pending_events_for_aggregate("o")
    return [(event["sequence_id"], event["payload"]) for event in found]


async def test_a_write_and_its_event_come_together_or_not_at_all() -> None:
    async with shop() as (_, cloud):
        async with cloud.transaction() as tx:
            await tx.kv("stock").set("book", "7")
            await tx.outbox("events").save_event(OutboxEvent("t", b"one", aggregate_key="o"))
            assert await cloud.kv("stock").get("book") is None
        assert await cloud.kv("stock").get("book") == "7"
        assert await pending(cloud) == [(1, b"one")]

        async def attempt() -> None:
            async with cloud.transaction() as tx:
                await tx.outbox("events").save_event(OutboxEvent("t", b"two", aggregate_key="o"))
                await tx.kv("stock").delete("book")
                raise ArithmeticError

        with pytest.raises(ArithmeticError):
            await attempt()
        assert await cloud.kv("stock").get("book") == "7"
        assert await pending(cloud) == [(1, b"one")]


async def test_either_may_begin_a_transaction_and_the_other_joins_it() -> None:
    async with shop() as (_, cloud):
        await check_joint(cloud.kv("stock"), cloud.outbox("events"))


async def test_a_conflict_over_a_key_leaves_no_event() -> None:
    async with shop() as (_, cloud):
        await cloud.kv("stock").set("book", "7")

        async def attempt() -> None:
            async with cloud.transaction() as tx:
                await tx.kv("stock").increment("book", -1)
                await tx.outbox("events").save_event(OutboxEvent("t", b"x", aggregate_key="o"))
                await cloud.kv("stock").set("book", "0")

        with pytest.raises(ConflictError):
            await attempt()
        assert await cloud.kv("stock").get("book") == "0"
        assert await pending(cloud) == []


async def test_a_scan_conflicts_with_a_key_that_came_meanwhile() -> None:
    async with shop() as (_, cloud):
        await cloud.kv("stock").set("a", "1")

        async def attempt() -> None:
            async with cloud.transaction() as tx:
                stock = tx.kv("stock")
                await stock.set("b", "1")
                assert [key async for key in stock.scan()] == ["a", "b"]
                await cloud.kv("stock").set("phantom", "1")

        with pytest.raises(ConflictError):
            await attempt()
        assert [key async for key in cloud.kv("stock").scan()] == ["a", "phantom"]


async def test_concurrent_orders_never_sell_what_is_not_there() -> None:
    async with shop() as (_, cloud):
        await cloud.kv("stock").set("book", "5")

        async def order(number: int) -> bool:
            for _ in range(200):
                try:
                    async with cloud.transaction() as tx:
                        stock = tx.kv("stock")
                        if int(await stock.get("book") or "0") == 0:
                            return False
                        await stock.increment("book", -1)
                        event = OutboxEvent("t", b"%d" % number, aggregate_key="o")
                        await tx.outbox("events").save_event(event)
                except ConflictError:
                    continue
                return True
            raise AssertionError("conflicted 200 times in a row")

        sold = await asyncio.gather(*map(order, range(12)))
        assert sum(sold) == 5
        assert await cloud.kv("stock").get("book") == "0"
        told = await pending(cloud)
        assert [number for number, _ in told] == [1, 2, 3, 4, 5]
        assert {int(payload) for _, payload in told} == {n for n, yes in enumerate(sold) if yes}


async def test_events_are_listed_and_marked_inside_as_they_will_be() -> None:
    async with shop() as (_, cloud):
        outside = cloud.outbox("events")
        await outside.save_event(OutboxEvent("t", b"old", aggregate_key="o"))
        async with cloud.transaction() as tx:
            inside = tx.outbox("events")
            (old,) = await inside.get_pending_events_for_aggregate("o")
            await inside.save_event(OutboxEvent("t", b"new", aggregate_key="p"))
            await inside.mark_as_processed(old)
            assert await inside.get_pending_aggregate_keys() == ["p"]
            assert await outside.get_pending_aggregate_keys() == ["o"]
            assert await inside.get_pending_events_for_aggregate("o") == []
        assert await outside.get_pending_aggregate_keys() == ["p"]
        assert old["status"] == EventStatus.PENDING


async def test_numbers_that_were_told_inside_are_kept_or_the_end_conflicts() -> None:
    async with shop() as (_, cloud):

        async def attempt() -> None:
            async with cloud.transaction() as tx:
                inside = tx.outbox("events")
                await inside.save_event(OutboxEvent("t", b"mine", aggregate_key="o"))
                (mine,) = await inside.get_pending_events_for_aggregate("o")
                assert mine["sequence_id"] == 1
                other = OutboxEvent("t", b"first", aggregate_key="o")
                await cloud.outbox("events").save_event(other)

        with pytest.raises(ConflictError):
            await attempt()
        assert await pending(cloud) == [(1, b"first")]


async def test_services_with_other_settings_are_another_store() -> None:
    async with shop(answer_timeout=9.0) as (_, cloud):

        async def attempt() -> None:
            async with cloud.transaction() as tx:
                await tx.kv("stock").set("book", "7")
                await tx.outbox("events").save_event(OutboxEvent("t", b"x"))

        with pytest.raises(InvalidArgumentError):
            await attempt()
        assert await cloud.kv("stock").get("book") is None


async def test_a_crash_before_the_end_leaves_nothing_and_after_it_everything() -> None:
    async with shop() as (one, cloud):

        async def attempt() -> None:
            async with cloud.transaction() as tx:
                await tx.kv("stock").set("book", "7")
                await one.server.restart()
                raise ConnectionAbortedError

        with pytest.raises(ConnectionAbortedError):
            await attempt()
        assert await cloud.kv("stock").get("book") is None
        async with cloud.transaction() as tx:
            await tx.kv("stock").set("book", "8")
            await tx.outbox("events").save_event(OutboxEvent("t", b"x", aggregate_key="o"))
        await one.server.restart()
        assert await cloud.kv("stock").get("book") == "8"
        assert await pending(cloud) == [(1, b"x")]


async def test_a_list_inside_goes_on_behind_what_was_marked_inside() -> None:
    async with shop() as (_, cloud):
        for number in range(4):
            event = OutboxEvent("t", b"%d" % number, aggregate_key="o")
            await cloud.outbox("events").save_event(event)
        async with cloud.transaction() as tx:
            inside = tx.outbox("events")
            ask = ListEvents(SPACE, EventStatus.PENDING, "o", limit=2)
            page = await inside.pipeline.send(ask)
            await inside.mark_as_processed(page[-1].event_id)
            rest = await inside.pipeline.send(replace(ask, after=page[-1].event_id))
            found = [one.payload for one in (*page, *rest)]
        assert found == [b"0", b"1", b"2", b"3"]
