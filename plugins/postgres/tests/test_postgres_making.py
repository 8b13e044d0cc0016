"""Making the tables: with which rights, and how long it may take."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bench import Bench, bench

from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.errors import PermissionDeniedError
from omnicloud_postgres.kv import open_kv


@asynccontextmanager
async def _moved() -> AsyncIterator[Bench]:
    async with bench() as one:
        await one.move()
        yield one


async def _role(one: Bench) -> str:
    name = f"r{uuid.uuid4().hex}"
    async with one.native() as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN")
    return name


async def test_a_schema_that_was_made_for_the_user_is_enough() -> None:
    async with _moved() as one:
        role = await _role(one)
        with pytest.raises(PermissionDeniedError, match="grant it CREATE"):
            await one.open(open_kv, username=role)
        async with one.native() as admin:
            await admin.execute(f"CREATE SCHEMA omnicloud AUTHORIZATION {role}")
        kv = await one.open(open_kv, username=role)
        await kv.set(Set("k", b"x"))
        assert await kv.get(Get("k")) is not None


_SLOW = """CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(0.7); END $$;
    CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE INDEX')
    EXECUTE FUNCTION public.slow()"""


async def test_making_the_tables_may_take_longer_than_one_answer() -> None:
    async with _moved() as one:
        async with one.native() as admin:
            await admin.execute(_SLOW)
        kv = await one.open(open_kv, answer_timeout=0.5)
        await kv.set(Set("k", b"x"))
