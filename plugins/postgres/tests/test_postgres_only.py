"""What only this server can do to its clients: refuse, hang, cut, end, fill up, lock."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from bench import Bench, bench

from omnicloud.contracts.documents.driver import Find, Insert, Update
from omnicloud.contracts.documents.filters import literal, read_filter, where
from omnicloud.contracts.documents.updates import read_update
from omnicloud.contracts.kv.driver import Changes, Get, Scan, Set
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    CorruptedError,
    InternalError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.documents import open_documents
from omnicloud_postgres.errors import translated
from omnicloud_postgres.kv import open_kv
from omnicloud_postgres.locks import open_locks
from omnicloud_tck.served import Lone
from omnicloud_tck.tls import certificate_in


async def _role(one: Bench, *grants: str, password: str | None = None) -> str:
    name = f"r{uuid.uuid4().hex}"
    async with one.native() as admin:
        secret = f"PASSWORD '{password}'" if password else ""
        await admin.execute(f"CREATE ROLE {name} LOGIN {secret}")
        for grant in grants:
            await admin.execute(f"{grant} TO {name}")
    return name


_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def test_a_call_cancelled_half_way_costs_its_connection_and_nobody_s_answer() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=1)
        store = kv._store
        for name in ("a", "b"):
            await kv.set(Set(name, name.encode() * 9))
        for turns in range(2, 12):
            one.proxy.weather.latency = 0.01
            asked = asyncio.ensure_future(kv.get(Get("a")))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            assert store.open_connections == 0
            one.proxy.clear()
            record = await kv.get(Get("b"))
            assert record is not None
            assert record.value == b"b" * 9


async def test_a_cancelled_write_that_waits_for_another_is_not_done_later() -> None:
    async with bench() as one, one.native() as other:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"before"))
        async with other.transaction():
            await other.execute("SELECT 1 FROM omnicloud.kv FOR UPDATE")
            asked = asyncio.ensure_future(kv.set(Set("k", b"older")))
            while not await other.fetchval(_WAITING):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.01)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        for _ in range(20):
            await asyncio.sleep(0.01)
            found = await kv.get(Get("k"))
            assert found is not None
            assert found.value == b"before"
        assert asked.cancelled()


async def test_a_partition_ends_a_call_in_time_as_unknown_and_heals() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, answer_timeout=0.5)
        await kv.set(Set("k", b"before"))
        one.proxy.weather.blackhole = True
        started = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            await kv.set(Set("k", b"during"))
        assert 0.4 < time.monotonic() - started < 6.0
        assert caught.value.outcome is Outcome.UNKNOWN
        one.proxy.clear()
        assert await kv.get(Get("k")) is not None


async def test_an_answer_cut_in_its_middle_is_an_error_and_not_a_value() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x" * 200_000))
        for cut in (0, 1, 7, 1000, 150_000):
            one.proxy.weather.cut_after = cut
            with pytest.raises(UnavailableError):
                await kv.get(Get("k"))
            one.proxy.clear()
            record = await kv.get(Get("k"))
            assert record is not None
            assert record.value == b"x" * 200_000


async def test_what_could_not_be_sent_is_known_to_be_not_done() -> None:
    async with bench() as one:
        store = one.store()
        one.proxy.weather.refusing = True
        with pytest.raises(UnavailableError) as caught:
            await store.rows("SELECT 1")
        assert caught.value.outcome is Outcome.NOT_DONE
        await store.aclose()


async def test_a_client_works_on_after_a_crash_of_the_server() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(20)))
        await one.server.restart()
        one.proxy.reset()
        await asyncio.sleep(0.05)
        page = await kv.scan(Scan())
        assert len(page.keys) == 20
        await kv.set(Set("k0", b"after"))


async def test_versions_and_tokens_grow_on_over_a_crash() -> None:
    async with bench() as one:
        kv, locks = await one.open(open_kv), await one.open(open_locks)
        seen: list[tuple[int, int]] = []
        for turn in range(3):
            grant = await locks.acquire(Acquire("l", f"owner-{turn}", 30.0))
            assert grant is not None
            seen.append((int(await kv.set(Set("k", b"x"))), grant.token or 0))
            await locks.release(Release("l", f"owner-{turn}"))
            await one.server.restart()
            one.proxy.reset()
            await asyncio.sleep(0.05)
        assert [one for one, _ in seen] == sorted({one for one, _ in seen})
        assert [two for _, two in seen] == sorted({two for _, two in seen})


async def test_a_connection_that_the_server_ends_is_replaced() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        async with one.native() as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'omnicloud'"
            )
        await asyncio.sleep(0.05)
        assert await kv.get(Get("k")) is not None


async def test_many_calls_share_few_connections() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=3)
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(60)))
        assert kv._store.open_connections == 3


async def test_a_call_that_gets_no_connection_in_time_is_throttled() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=1, answer_timeout=1.5)
        await kv.get(Get("k"))
        one.proxy.weather.latency = 0.5
        said = await asyncio.gather(
            *(kv.get(Get(f"k{n}")) for n in range(8)), return_exceptions=True
        )
        assert any(isinstance(error, ThrottledError) for error in said)


async def test_wrong_credentials_are_unauthenticated_and_not_quoted() -> None:
    async with bench("password_encryption=scram-sha-256") as one:
        role = await _role(one, password="right-horse")
        _ask_for_passwords(one)
        async with one.native() as admin:
            await admin.execute("GRANT CREATE ON DATABASE postgres TO " + role)
            await admin.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.2)
        with pytest.raises(UnauthenticatedError) as caught:
            await one.open(open_kv, username=role, password="wrong-horse")
        assert "horse" not in str(caught.value)
        kv = await one.open(open_kv, username=role, password="right-horse")
        await kv.set(Set("k", b"x"))


def _ask_for_passwords(one: Bench) -> None:
    assert one.server._folder is not None
    rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (one.server._folder / "data" / "pg_hba.conf").write_text(rules)


async def test_a_user_that_may_not_write_is_denied() -> None:
    async with bench() as one:
        await one.open(open_kv)
        reader = await _role(
            one, "GRANT USAGE ON SCHEMA omnicloud", "GRANT SELECT ON ALL TABLES IN SCHEMA omnicloud"
        )
        kv = await one.open(open_kv, username=reader)
        with pytest.raises(PermissionDeniedError):
            await kv.set(Set("k", b"x"))
        assert await kv.get(Get("k")) is None


async def test_a_user_that_may_make_nothing_is_told_what_to_grant() -> None:
    async with bench() as one:
        nobody = await _role(one)
        with pytest.raises(PermissionDeniedError, match="grant it CREATE"):
            await one.open(open_kv, username=nobody)


async def test_a_database_that_is_not_there_is_a_mistake_of_the_settings() -> None:
    async with bench() as one:
        url = f"postgresql://127.0.0.1:{one.proxy.port}/nowhere"
        with pytest.raises(ConfigurationError, match="no such database"):
            await one.open(open_kv, url=url)


async def test_durable_is_declared_only_where_every_commit_is_synced() -> None:
    async with bench("fsync=off") as one:
        assert KVFeature.DURABLE not in (await one.open(open_kv)).features
    async with bench() as one:
        assert KVFeature.DURABLE in (await one.open(open_kv)).features


async def test_a_read_only_server_takes_no_writes_and_says_they_were_not_done() -> None:
    async with bench("log_min_messages=fatal") as one:
        kv = await one.open(open_kv)
        async with one.native() as admin:
            await admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            await admin.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.2)
        with pytest.raises(UnavailableError) as caught:
            await kv.set(Set("k", b"x"))
        assert caught.value.outcome is Outcome.NOT_DONE


async def test_a_table_that_someone_dropped_is_corrupted() -> None:
    async with bench("log_min_messages=fatal") as one:
        kv = await one.open(open_kv)
        async with one.native() as admin:
            await admin.execute("DROP TABLE omnicloud.kv")
        with pytest.raises(CorruptedError):
            await kv.get(Get("k"))


async def test_a_server_with_too_many_clients_throttles() -> None:
    async with bench("max_connections=6", "superuser_reserved_connections=1") as one:
        role = await _role(one, "GRANT CREATE ON DATABASE postgres")
        kv = await one.open(open_kv, username=role, max_connections=12)
        said = await asyncio.gather(
            *(kv.set(Set(f"k{n}", b"x")) for n in range(12)), return_exceptions=True
        )
        errors = [error for error in said if isinstance(error, BaseException)]
        assert errors
        assert {type(error) for error in errors} == {ThrottledError}


async def test_what_is_no_postgresql_server_is_told_as_unavailable() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"postgresql://127.0.0.1:{port}/postgres"
    try:
        with pytest.raises(UnavailableError):
            await open_kv(PostgresConfig(url=url, answer_timeout=0.5, connect_timeout=0.5), Lone())
    finally:
        server.close()
        await server.wait_closed()


async def test_tls_against_a_server_without_it_is_a_mistake_of_the_settings() -> None:
    async with bench() as one:
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, tls="require")


async def test_tls_is_checked_against_the_given_authority_and_no_other(tmp_path: Path) -> None:
    public, private = certificate_in(tmp_path)
    async with bench("log_min_messages=fatal") as one:
        await _speak_tls(one, public, private)
        url = f"postgresql://localhost:{one.server.port}/postgres"
        kv = await one.open(open_kv, url=url, tls="verify", tls_ca_file=public)
        await kv.set(Set("k", b"x"))
        await one.open(open_kv, url=url, tls="require")
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, url=url, tls="verify")
        by_address = url.replace("localhost", "127.0.0.1")
        with pytest.raises(ConfigurationError, match="TLS"):
            await one.open(open_kv, url=by_address, tls="verify", tls_ca_file=public)


async def _speak_tls(one: Bench, public: Path, private: Path) -> None:
    assert one.server._folder is not None
    data = one.server._folder / "data"
    owner = data.stat()
    for source, name in ((public, "server.crt"), (private, "server.key")):
        shutil.copy(source, data / name)
        (data / name).chmod(0o600)
        if os.geteuid() == 0:
            os.chown(data / name, owner.st_uid, owner.st_gid)
    async with one.native() as admin:
        await admin.execute("ALTER SYSTEM SET ssl = on")
        await admin.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.2)


async def test_a_closed_store_refuses_calls_and_leaves_no_connection() -> None:
    async with bench() as one:
        kv = await one.open(open_kv)
        await kv.set(Set("k", b"x"))
        page = await kv.changes(Changes())
        await kv.changes(Changes(cursor=page.cursor, wait=0.05))
        assert kv._store.open_connections > 0
        await kv._store.aclose()
        await kv._store.aclose()
        assert kv._store.open_connections == 0
        with pytest.raises(ClosedError):
            await kv.get(Get("k"))


async def test_a_watch_is_woken_by_the_server_and_not_only_by_its_poll() -> None:
    async with bench() as one:
        kv, other = await one.open(open_kv), await one.open(open_kv, answer_timeout=2.0)
        cursor = (await kv.changes(Changes())).cursor
        quickest = 5.0
        for turn in range(5):
            waiting = asyncio.ensure_future(kv.changes(Changes(cursor=cursor, wait=5.0)))
            await asyncio.sleep(0.1)
            started = time.monotonic()
            await other.set(Set(f"k{turn}", b"x"))
            cursor = (await waiting).cursor
            quickest = min(quickest, time.monotonic() - started)
        assert quickest < 0.3  # seconds; each would wait 0.4 for a poll


async def test_an_upsert_stores_nothing_that_no_document_holds() -> None:
    async with bench() as one:
        documents = await one.open(open_documents)
        condition = where(name=literal({"$ne": "x"}))
        with pytest.raises(InvalidArgumentError, match="name"):
            await documents.update(Update("c", condition, read_update({"$set": {"b": 2}}), "new"))
        assert (await documents.find(Find("c"))).items == ()


async def test_a_filter_finds_by_the_index_what_python_finds_without() -> None:
    async with bench() as one:
        documents = await one.open(open_documents)
        values: list[Any] = [1, 1.0, True, None, "a", "a\0b", b"a", [1], [1, 2], {"b": 1}, 1e22]
        for number, value in enumerate(values):
            await documents.insert(Insert("c", {"_id": f"{number:02}", "v": value}))
        for value in values:
            page = await documents.find(Find("c", read_filter({"v": value})))
            expected = [v for v in values if type(v) is type(value) and v == value]
            expected += [v for v in values if {type(v), type(value)} == {int, float} and v == value]
            assert len(page.items) == len(expected)
        nested = await documents.find(Find("c", read_filter({"v.b": 1})))
        assert [item.document["_id"] for item in nested.items] == ["09"]
        element = await documents.find(Find("c", read_filter({"v.0": 1})))
        assert [item.document["_id"] for item in element.items] == ["07", "08"]


def test_an_error_that_no_row_of_the_table_maps_is_internal_and_tells_no_value() -> None:
    native = asyncpg.PostgresError("division by zero of hidden")
    native.sqlstate = "22012"
    said: OmniCloudError = translated(native)
    assert type(said) is InternalError
    assert "hidden" not in str(said)
    assert "22012" in str(said)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://127.0.0.1"},
        {"url": "postgresql://user:hidden@127.0.0.1"},
        {"url": "postgresql://127.0.0.1/db?password=hidden"},
        {"tls_ca_file": "ca.pem"},
        {"tls": "require", "tls_cert_file": "c.pem"},
        {"answer_timeout": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_run_are_refused_without_quoting_them(
    options: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="PostgresConfig") as caught:
        PostgresConfig.model_validate(options)
    assert "hidden" not in str(caught.value)


async def test_closing_while_the_server_is_silent_takes_no_longer_for_many_connections() -> None:
    async with bench() as one:
        kv = await one.open(open_kv, max_connections=12)
        one.proxy.weather.latency = 0.02
        await asyncio.gather(*(kv.set(Set(f"k{n}", b"x")) for n in range(24)))
        assert kv._store.open_connections == 12
        one.proxy.weather.blackhole = True
        started = time.monotonic()
        await kv._store.aclose()
        assert time.monotonic() - started < 6.0
        assert kv._store.open_connections == 0
        one.proxy.clear()


async def test_names_of_locks_whose_holders_died_are_forgotten() -> None:
    async with bench("log_min_messages=fatal") as one:
        locks = await one.open(open_locks)
        for number in range(300):
            assert await locks.acquire(Acquire(f"lock-{number}", "dead", 0.001)) is not None
        ((left,),) = await locks._store.rows("SELECT count(*) FROM omnicloud.lock_place")
        assert left <= 256  # one of so many tokens sweeps
