"""What holds of etcd alone: leases, compaction, limits, users, members, TLS."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from etcd_bench import client, server
from pydantic import SecretStr, ValidationError

from omnicloud.contracts.kv import KV
from omnicloud.contracts.kv.driver import Changes, DeleteMany, GetMany, SetMany
from omnicloud.core.codec import BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    AlreadyExistsError,
    ConfigurationError,
    InvalidArgumentError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_etcd.certify import kept_server
from omnicloud_etcd.client import Client
from omnicloud_etcd.config import EtcdConfig
from omnicloud_etcd.kv import EtcdKV
from omnicloud_etcd.wire import Range
from omnicloud_tck.servers import free_port
from omnicloud_tck.tls import certificate_in


class _Any(msgspec.Struct):
    """An answer whose content does not matter."""


class _Asked(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A request that only these tests send."""

    ID: int = 0
    revision: int = 0
    physical: bool = False
    name: str = ""
    password: str = ""
    user: str = ""
    role: str = ""
    perm: dict[str, str] | None = None


@asynccontextmanager
async def kept(**options: Any) -> AsyncIterator[Client]:
    await kept_server().start()
    async with client(kept_server().port, **options) as one:
        yield one


def kv_on(one: Client, prefix: bytes) -> KV[bytes]:
    return KV(Pipeline(EtcdKV(one, prefix)), BYTES)


async def test_keys_that_end_together_share_a_lease_and_the_server_removes_them() -> None:
    async with kept() as one:
        kv = kv_on(one, b"only/lease/")
        await kv.set("a", b"x", ttl=0.2)
        await kv.set("b", b"x", ttl=0.3)
        stored = (await one.range(Range(key=b"only/lease/", range_end=b"only/lease0"))).kvs
        assert len({entry.lease for entry in stored} - {0}) == 1
        for _ in range(80):
            await asyncio.sleep(0.1)
            if not (await one.range(Range(key=b"only/lease/", range_end=b"only/lease0"))).kvs:
                return
    pytest.fail("the server still has keys that ended seconds ago")


async def test_a_lease_that_the_server_has_forgotten_is_replaced() -> None:
    async with kept() as one:
        kv = kv_on(one, b"only/forgotten/")
        await kv.set("k", b"1", ttl=60)
        (stored,) = (await one.range(Range(key=b"only/forgotten/k"))).kvs
        await one.ask("/v3/lease/revoke", _Asked(ID=stored.lease), _Any)
        await kv.set("k", b"2", ttl=60)
        assert await kv.get("k") == b"2"


async def test_a_watch_is_told_that_history_was_compacted() -> None:
    async with server() as port, client(port) as one:
        kv = kv_on(one, b"k/")
        cursor = (await kv.pipeline.send(Changes())).cursor
        for _ in range(3):
            await kv.set("a", b"x")
        now = (await one.range(Range(key=b"k/a"))).header.revision
        await one.ask("/v3/kv/compaction", _Asked(revision=now, physical=True), _Any)
        with pytest.raises(NotFoundError, match="no longer keeps"):
            await kv.pipeline.send(Changes("", cursor, 1.0))
        told = await kv.pipeline.send(Changes("", str(now), 0.1))
        assert told.changes == ()


async def test_a_watch_far_behind_is_told_of_whole_transactions_page_by_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("omnicloud_etcd.changes._GATHERING_SECONDS", 0.0)
    async with kept() as one:
        kv = kv_on(one, b"only/behind/")
        cursor = (await kv.pipeline.send(Changes())).cursor
        pairs = [(f"a{n}", f"b{n}") for n in range(6)]
        for pair in pairs:
            async with kv.transaction() as inside:
                for key in pair:
                    await inside.set(key, b"x" * (600 << 10))
        told: list[tuple[str, ...]] = []
        while sum(map(len, told)) < 12:
            page = await kv.pipeline.send(Changes("", cursor, 5.0))
            assert page.changes, "nothing is told though not all was"
            told.append(tuple(change.key for change in page.changes))
            cursor = page.cursor
        assert len(told) > 1
        assert [key for page in told for key in page] == [key for pair in pairs for key in pair]
        assert all(len(page) % 2 == 0 for page in told), "half a transaction ends a page"


async def _together(kv: KV[bytes], *keys: str) -> None:
    async with kv.transaction() as inside:
        for key in keys:
            await inside.set(key, b"x" * (1 << 20))


async def test_what_the_server_does_not_take_at_once_is_refused_by_name() -> None:
    async with kept() as one:
        kv = kv_on(one, b"only/large/")
        with pytest.raises(InvalidArgumentError, match="limit batch_max_bytes"):
            await kv.set_many({f"k{n}": b"x" * (1 << 20) for n in range(3)})
        with pytest.raises(InvalidArgumentError, match="limit batch_max_bytes"):
            await _together(kv, "k0", "k1")
        assert await kv.get("k0") is None
    async with client(kept_server().port, max_request_bytes=4 << 20) as one:
        kv = kv_on(one, b"only/large/")
        with pytest.raises(InvalidArgumentError, match="max-request-bytes"):
            await kv.set_many({f"k{n}": b"x" * (1 << 20) for n in range(3)})
        assert await kv.get("k0") is None
    async with client(kept_server().port, max_txn_ops=500) as one:
        with pytest.raises(ConfigurationError, match="max_txn_ops"):
            await kv_on(one, b"only/many/").set_many({f"k{n}": b"x" for n in range(300)})


@pytest.mark.parametrize("length", [3, 1024, 4000])
async def test_as_much_as_the_limits_say_goes_into_one_request(length: int) -> None:
    async with kept() as one:
        kv = kv_on(one, b"only/full/" + b"p" * 200 + b"/")
        limits = kv.pipeline.driver.limits
        keys = [f"{n:03}".ljust(length, "k") for n in range(limits.batch_max_items)]
        assert limits.batch_max_bytes is not None
        each, rest = divmod(limits.batch_max_bytes - length * len(keys), len(keys))
        values = [b"x" * (each + rest), *[b"x" * each] * (len(keys) - 1)]
        items = tuple(zip(keys, values, strict=True))
        await kv.pipeline.send(SetMany(items, ttl=600.0))
        found = await kv.pipeline.send(GetMany((keys[0], keys[-1])))
        assert [len(one.value) for one in found if one is not None] == [each + rest, each]
        async with kv.transaction() as inside:
            await inside.pipeline.send(SetMany(items, ttl=600.0))
        await kv.pipeline.send(DeleteMany(tuple(keys)))


async def test_a_value_of_full_size_is_written_where_another_has_ended() -> None:
    async with kept(answer_timeout=30.0) as one:  # the server writes them one after another
        kv, value = kv_on(one, b"only/ended/"), b"x" * (1 << 20)
        await kv.set("k", value, ttl=0.6)
        with pytest.raises(AlreadyExistsError):
            await kv.set("k", value, if_absent=True)
        await asyncio.sleep(0.65)
        answers = await asyncio.gather(
            *(kv.set("k", value, if_absent=True) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(answer, str) for answer in answers) == 1
        assert sum(isinstance(answer, AlreadyExistsError) for answer in answers) == 4
        assert await kv.get("k") == value


def test_a_value_that_no_request_has_room_for_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(ValidationError, match="max_request_bytes"):
        EtcdConfig(value_max_bytes=2 << 20)
    assert EtcdConfig(value_max_bytes=2 << 20, max_request_bytes=4 << 20)


async def test_users_are_asked_for_and_held_to_their_roles() -> None:
    async with server() as port:
        async with client(port) as one:
            await _with_users(one)
        login: dict[str, Any] = {"username": "orders", "password": SecretStr("right")}
        async with client(port, **login) as one:
            kv = kv_on(one, b"orders/")
            await kv.set("k", b"x")
            with pytest.raises(PermissionDeniedError):
                await kv_on(one, b"others/").set("k", b"x")
            one._token = "ended.1"
            assert await kv.get("k") == b"x"
        async with client(port) as nobody:
            with pytest.raises(UnauthenticatedError, match="asks for credentials"):
                await kv_on(nobody, b"orders/").get("k")
        async with client(port, **{**login, "password": SecretStr("wrong")}) as wrong:
            with pytest.raises(UnauthenticatedError) as told:
                await kv_on(wrong, b"orders/").get("k")
            assert "wrong" not in str(told.value)


_LOGIN: dict[str, Any] = {"username": "orders", "password": SecretStr("right")}


async def test_a_watch_alone_logs_in_anew_and_is_denied_by_name() -> None:
    async with server() as port:
        async with client(port) as one:
            await _with_users(one)
        async with client(port, **_LOGIN) as one:
            kv, others = kv_on(one, b"orders/"), kv_on(one, b"others/")
            cursor = (await kv.pipeline.send(Changes())).cursor
            await kv.set("k", b"x")
            one._token = "ended.1"
            (change,) = (await kv.pipeline.send(Changes("", cursor, 5.0))).changes
            assert change.key == "k"
            with pytest.raises(PermissionDeniedError):
                await others.pipeline.send(Changes("", cursor, 5.0))


async def test_a_login_that_is_older_than_the_users_is_renewed(tmp_path: Path) -> None:
    public, private = certificate_in(tmp_path)
    token = f"jwt,pub-key={public},priv-key={private},sign-method=ES256,ttl=10m"
    root = {"username": "root", "password": SecretStr("root")}
    async with server("--auth-token", token) as port:
        async with client(port) as one:
            await _with_users(one)
        async with client(port, **_LOGIN) as one, client(port, **root) as admin:
            kv = kv_on(one, b"orders/")
            cursor = (await kv.pipeline.send(Changes())).cursor
            await _add_user(admin, "first")
            await kv.set("k", b"x")
            await _add_user(admin, "second")
            (change,) = (await kv.pipeline.send(Changes("", cursor, 5.0))).changes
            assert change.key == "k"


async def _add_user(admin: Client, name: str) -> None:
    await admin.ask("/v3/auth/user/add", _Asked(name=name, password="x"), _Any)


async def _with_users(one: Client) -> None:
    read_write = {
        "permType": "READWRITE",
        "key": b64encode(b"orders/").decode(),
        "range_end": b64encode(b"orders0").decode(),
    }
    for path, asked in (
        ("user/add", _Asked(name="root", password="root")),
        ("role/add", _Asked(name="root")),
        ("user/grant", _Asked(user="root", role="root")),
        ("user/add", _Asked(name="orders", password="right")),
        ("role/add", _Asked(name="orders")),
        ("role/grant", _Asked(name="orders", perm=read_write)),
        ("user/grant", _Asked(user="orders", role="orders")),
        ("enable", _Asked()),
    ):
        await one.ask(f"/v3/auth/{path}", asked, _Any)


async def test_a_member_that_is_down_is_passed_over() -> None:
    await kept_server().start()
    urls = tuple(f"http://127.0.0.1:{port}" for port in (free_port(), kept_server().port))
    async with client(0, urls=urls) as one:
        kv = kv_on(one, b"only/members/")
        await kv.set("k", b"x")
        assert await kv.get("k") == b"x"
    async with client(free_port()) as nobody:
        with pytest.raises(UnavailableError) as told:
            await kv_on(nobody, b"only/").set("k", b"x")
        assert told.value.outcome is Outcome.NOT_DONE


async def test_what_is_no_etcd_is_told(tmp_path: Path) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        writer.close()

    listening = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with listening, client(listening.sockets[0].getsockname()[1]) as one:
        with pytest.raises(ConfigurationError, match="not etcd"):
            await one.meet()
        with pytest.raises(UnavailableError, match="not etcd"):
            await one.range(Range(key=b"k"))


async def test_tls_is_spoken_to_whom_the_authority_vouches_for(tmp_path: Path) -> None:
    public, private = certificate_in(tmp_path)
    port, plain = free_port(), free_port()
    secure = f"https://localhost:{port}"
    flags = ("--cert-file", str(public), "--key-file", str(private))
    both = f"https://127.0.0.1:{port},http://127.0.0.1:{plain}"
    async with server(*flags, "--listen-client-urls", both, port=plain):
        async with client(0, urls=(secure,), tls_ca_file=public) as one:
            await one.meet()
            assert one.version
        async with client(0, urls=(secure,)) as stranger:
            with pytest.raises(ConfigurationError, match="TLS"):
                await stranger.meet()


@pytest.mark.parametrize(
    "wrong",
    [
        {"urls": ()},
        {"urls": ("ftp://h",)},
        {"urls": ("http://user:secret@h:1",)},
        {"username": "u"},
        {"tls_ca_file": "ca.pem"},
        {"urls": ("https://h",), "tls_cert_file": "c.pem"},
        {"colour": "blue"},
    ],
)
def test_settings_that_do_not_fit_are_refused_without_telling_secrets(wrong: Any) -> None:
    with pytest.raises(ValidationError) as told:
        EtcdConfig(**wrong)
    assert "secret" not in str(told.value)
