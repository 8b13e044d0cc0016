"""What the laws do not ask: secrets and tables of others, wrong settings, clocks that are wrong."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any, TypeVar

import pytest

from omnicloud.contracts.kv import KV
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.codec import BYTES
from omnicloud.core.moments import ServiceTime
from omnicloud.core.operation import Driver
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    Outcome,
    SecretNotFoundError,
    UnavailableError,
)
from omnicloud_aws.certify import kept_server, settings
from omnicloud_aws.client import Client, opened
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.kv import open_kv
from omnicloud_aws.secrets import open_secrets
from omnicloud_tck.served import Lone, SteppedClock

D = TypeVar("D", bound=Driver)


class Account:
    """Names of its own in the emulator."""

    def __init__(self, port: int, lone: Lone) -> None:
        self.port = port
        self.lone = lone
        self.name = f"only-{uuid.uuid4().hex}"

    def config(self, **options: Any) -> AWSConfig:
        return settings(self.port, self.name, **options)

    async def pipe(
        self, open_: Callable[[AWSConfig, Any], Awaitable[D]], **options: Any
    ) -> Pipeline[D]:
        return Pipeline(await open_(self.config(**options), self.lone))

    async def secrets(self, **options: Any) -> Secrets:
        return Secrets(await self.pipe(open_secrets, **options))

    async def kv(self, **options: Any) -> KV[bytes]:
        return KV(await self.pipe(open_kv, **options), BYTES)

    async def native(self, service: str) -> Client:
        """What another program has."""

        async def open_() -> Client:
            return await opened(service, self.config(), ServiceTime(self.lone.clock))

        client: Client = await self.lone.share("native", open_)
        return client


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    server, lone = kept_server(), Lone()
    await server.start()
    try:
        yield Account(server.port, lone)
    finally:
        await lone.aclose()
        server.remove()


async def test_a_secret_that_another_program_made_is_read_listed_and_rotated(
    account: Account,
) -> None:
    other, secrets = await account.native("secretsmanager"), await account.secrets()
    made = await other.ask(
        "create_secret", Name=f"{account.name}/db/password", SecretString="théirs"
    )
    got = await secrets.get("db/password")
    assert got == "théirs"
    assert got.version == made["VersionId"]
    assert [name async for name in secrets.list()] == ["db/password"]
    await secrets.rotate("db/password", "ours", grace=60)
    assert await secrets.previous("db/password") == "théirs"
    seen = await other.ask("get_secret_value", SecretId=f"{account.name}/db/password")
    assert seen["SecretString"] == "ours"


async def test_a_secret_marked_for_deletion_is_absent(account: Account) -> None:
    other, secrets = await account.native("secretsmanager"), await account.secrets()
    await secrets.set("k", "value")
    await other.ask("delete_secret", SecretId=f"{account.name}/k", RecoveryWindowInDays=7)
    with pytest.raises(SecretNotFoundError):
        await secrets.get("k")
    with pytest.raises(SecretNotFoundError):
        await secrets.list_versions("k")
    assert [name async for name in secrets.list()] == []
    assert not await secrets.delete("k")


async def test_durability_is_not_claimed_for_what_is_not_amazon(account: Account) -> None:
    secrets, kv = await account.secrets(), await account.kv()
    assert "durable" not in secrets.pipeline.driver.features | kv.pipeline.driver.features
    assert kv.pipeline.driver.limits.batch_max_items == 25


async def test_a_table_that_is_missing_or_another_is_said_at_opening(account: Account) -> None:
    with pytest.raises(ConfigurationError, match="there is no table"):
        await account.kv(create_table=False)
    other = await account.native("dynamodb")
    await other.ask(
        "create_table",
        TableName=account.name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    with pytest.raises(ConfigurationError, match="another key"):
        await account.kv()


async def test_several_processes_may_make_the_table_at_once(account: Account) -> None:
    several = await asyncio.gather(*(account.kv() for _ in range(4)))
    await several[0].set("k", b"x")
    assert await several[3].get("k") == b"x"


async def test_a_client_with_a_wrong_clock_agrees_with_the_others_about_lives(
    account: Account,
) -> None:
    right = await account.kv()
    wrong_clock = SteppedClock()
    wrong_clock.step(-86400.0)
    lone = Lone(wrong_clock)
    wrong = KV(Pipeline(await open_kv(account.config(), lone)), BYTES)
    began = time.monotonic()
    await wrong.set("theirs", b"x", ttl=30)
    await right.set("ours", b"x", ttl=30)
    for kv, key in ((right, "theirs"), (wrong, "ours")):
        entry = await kv.get_entry(key)
        assert entry is not None
        assert entry.expires_in is not None
        assert 28.0 - (time.monotonic() - began) < entry.expires_in < 32.0
    await lone.aclose()


async def test_services_that_share_a_table_do_not_meet(account: Account) -> None:
    one = await account.kv()
    lone = Lone(service="another")
    two = KV(Pipeline(await open_kv(account.config(), lone)), BYTES)
    await one.set("k", b"one")
    assert await two.get("k") is None
    assert [key async for key in two.scan()] == []
    await lone.aclose()


async def test_keys_that_are_larger_together_than_a_transaction_are_read_at_one_moment(
    account: Account,
) -> None:
    large = {f"k{n}": bytes([n]) * (384 << 10) for n in range(12)}
    kv, other = await account.kv(), await account.kv()
    for key, value in large.items():
        await kv.set(key, value)
    assert await kv.get_many([*large, "none"]) == large
    writing = asyncio.create_task(_written_and_deleted(other))
    while not writing.done():
        found = await kv.get_many([*large, "a", "b"])
        assert found.get("a") == found.get("b")
        assert found["k0"] == found["k1"]
    await writing


async def _written_and_deleted(kv: KV[bytes]) -> None:
    """Twins, two of them large, are written and deleted together."""
    for n in range(12):
        await kv.set_many({"a": bytes([n]), "b": bytes([n])})
        await kv.set_many(dict.fromkeys(("k0", "k1"), bytes([n]) * (384 << 10)))
        await asyncio.sleep(0.05)
        await kv.delete_many(["a", "b"])
        await asyncio.sleep(0.05)


class Shared(Lone):
    """An opening that shares clients as a cloud does."""

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[Hashable, Any] = {}

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self._held:
            self._held[key] = await super().share(key, open_)
        return self._held[key]


async def test_services_that_share_a_client_keep_their_own_settings(account: Account) -> None:
    lone = Shared()
    one, two = [
        KV(Pipeline(await open_kv(account.config(table=table), lone)), BYTES)
        for table in (f"{account.name}-1", f"{account.name}-2")
    ]
    await one.set("k", b"one")
    assert await two.get("k") is None
    mine, yours = [
        Secrets(Pipeline(await open_secrets(account.config(prefix=prefix), lone)))
        for prefix in (f"{account.name}/1/", f"{account.name}/2/")
    ]
    await mine.set("k", "mine")
    with pytest.raises(SecretNotFoundError):
        await yours.get("k")
    assert len(lone._held) == 2
    await lone.aclose()


async def test_what_is_not_the_service_is_found_out_at_opening(account: Account) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        elsewhere = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for opens in (account.secrets, account.kv):
            with pytest.raises(ConfigurationError, match="is not"):
                await opens(endpoint=elsewhere)


async def test_tls_to_a_server_without_it_is_a_matter_of_settings(account: Account) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        elsewhere = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="TLS"):
            await account.secrets(endpoint=elsewhere)


async def test_an_address_where_nothing_listens_is_unavailable_and_nothing_was_done(
    account: Account,
) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached") as refused:
        await account.kv(endpoint="http://127.0.0.1:1")
    assert refused.value.outcome is Outcome.NOT_DONE


async def test_a_client_that_is_closed_refuses_calls(account: Account) -> None:
    secrets = await account.secrets()
    await account.lone.aclose()
    with pytest.raises(ClosedError):
        await secrets.get("k")
