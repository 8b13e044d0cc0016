"""The front door: services by name, opened in order, closed whatever happens."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import front_world as world
import pytest
from pydantic import BaseModel

import omnicloud
from omnicloud import (
    CircuitOpenError,
    ClosedError,
    ConfigurationError,
    InternalError,
    InvalidArgumentError,
    OmniCloud,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
    UnsupportedError,
)
from omnicloud.config.load import load
from omnicloud.config.problems import ConfigurationProblems
from omnicloud.contracts import CONTRACTS
from omnicloud.resolver import build
from omnicloud.resolver.planner import make_plan


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    world.forget()


def kv(**options: object) -> dict[str, object]:
    return {"contract": "kv", "provider": "test", **options}


def cloud(services: dict[str, object], **sections: object) -> OmniCloud:
    return OmniCloud({"services": services, **sections}, providers=world.REGISTRY)


VAULT = {"contract": "secrets", "provider": "test"}


class Order(BaseModel):
    number: int


async def test_a_service_is_used_by_its_name_with_its_type() -> None:
    async with cloud({"orders": kv()}) as one:
        orders = one.kv("orders", Order)
        await orders.set("o", Order(number=3))
        assert await one.kv("orders", Order).get("o") == Order(number=3)
        await one.kv("orders").set("text", "é")
        assert await one.kv("orders").get("text") == "é"


async def test_services_are_opened_in_order_and_closed_in_reverse_after_what_they_share() -> None:
    world.SECRETS["pw"] = "s3cret"
    services = {"b": kv(password="secret:pw"), "a": kv(password="secret:pw"), "vault": VAULT}
    async with cloud(services) as one:
        driver: Any = one.kv("a").pipeline.driver
        assert driver.password == "s3cret"
        assert world.LOG[0] == "open vault"
        opened = [entry for entry in world.LOG if entry in ("open a", "open b")]
        assert world.LOG.count("open client main") == 1
        world.LOG.clear()
    closed = [entry.replace("open", "close") for entry in reversed(opened)]
    assert [*closed, "close client main", "close vault"] == world.LOG


async def test_missing_secrets_are_all_named_and_everything_is_closed_again() -> None:
    services = {"vault": VAULT, "a": kv(password="secret:pw", client="secret:vault/c")}
    with pytest.raises(ConfigurationProblems) as caught:
        await cloud(services).__aenter__()
    assert [one.path for one in caught.value.problems] == [
        "services.a.client",
        "services.a.password",
    ]
    assert "is missing: vault has none of that name" in str(caught.value)
    assert world.LOG == ["open vault", "close vault"]


async def test_a_secret_that_does_not_fit_its_option_is_told_without_its_value() -> None:
    world.SECRETS["p"] = "hunter2"
    with pytest.raises(ConfigurationProblems) as caught:
        await cloud({"vault": VAULT, "a": kv(port="secret:p")}).__aenter__()
    assert caught.value.problems[0].path == "services.a.port"
    assert "hunter2" not in str(caught.value)


async def test_when_opening_fails_the_first_error_is_raised_and_the_opened_are_closed() -> None:
    world.FAILURES["open b"] = lambda: UnavailableError("refused")
    world.FAILURES["close a"] = lambda: RuntimeError("second error")
    with pytest.raises(UnavailableError, match="refused") as caught:
        await cloud({"a": kv(), "b": kv(), "c": kv()}).__aenter__()
    assert (caught.value.service, caught.value.provider) == ("b", "test")
    assert caught.value.operation == "kv.open"
    assert world.LOG[-2:] == ["close a", "close client main"]
    assert "open c" not in world.LOG


async def test_a_native_error_of_an_opener_is_an_internal_error_with_its_cause() -> None:
    world.FAILURES["open a"] = lambda: RuntimeError("password=hunter2")
    with pytest.raises(InternalError) as caught:
        await cloud({"a": kv()}).__aenter__()
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "hunter2" not in str(caught.value)


async def test_a_server_that_lacks_what_is_required_is_refused_and_closed() -> None:
    with pytest.raises(ConfigurationProblems, match="does not have the feature watch"):
        await cloud({"a": kv(requires=["watch", "ttl"])}).__aenter__()
    assert world.LOG[-2:] == ["close a", "close client main"]


async def test_closing_closes_everything_raises_the_first_error_and_twice_is_silent() -> None:
    one = await cloud({"a": kv(), "b": kv()}).__aenter__()
    orders = one.kv("a")
    world.FAILURES["close b"] = lambda: RuntimeError("first")
    world.FAILURES["close a"] = lambda: RuntimeError("second")
    with pytest.raises(RuntimeError, match="first"):
        await one.aclose()
    assert world.LOG[-3:] == ["close b", "close a", "close client main"]
    await one.aclose()
    for refused in (lambda: one.kv("a"), lambda: one.plan):
        with pytest.raises(ClosedError):
            refused()
    with pytest.raises(ClosedError):
        await orders.get("k")
    with pytest.raises(ClosedError):
        await one.__aenter__()


async def test_closing_closes_everything_also_when_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = await cloud({"a": kv(), "b": kv()}).__aenter__()
    stuck = asyncio.Event()

    async def never(_: object) -> None:
        world.LOG.append("closing b hangs")
        stuck.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(one.kv("b").pipeline.driver, "aclose", lambda: never(None))
    closing = asyncio.create_task(one.aclose())
    await stuck.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert world.LOG[-3:] == ["closing b hangs", "close a", "close client main"]


async def test_an_error_in_the_block_is_not_hidden_by_one_of_closing() -> None:
    world.FAILURES["close a"] = lambda: RuntimeError("closing")
    with pytest.raises(KeyError, match="mine"):
        async with cloud({"a": kv()}):
            raise KeyError("mine")
    assert "close client main" in world.LOG


async def test_before_it_is_opened_a_cloud_serves_nothing() -> None:
    with pytest.raises(ClosedError, match="async with"):
        cloud({"a": kv()}).kv("a")


async def test_an_unknown_name_lists_the_known_and_guesses() -> None:
    async with cloud({"orders": kv(), "vault": VAULT}) as one:
        with pytest.raises(InvalidArgumentError, match="did you mean 'orders'") as caught:
            one.kv("order")
        assert "orders (kv), vault (secrets)" in str(caught.value)
        with pytest.raises(InvalidArgumentError, match="is a secrets service, not kv"):
            one.kv("vault")
        with pytest.raises(InvalidArgumentError, match="give the type itself"):
            one.kv("orders", "Order")  # type: ignore[call-overload]  # as a first-timer might


async def test_where_nothing_is_configured_the_next_step_is_told_once() -> None:
    async with cloud({}) as one:
        with pytest.raises(
            InvalidArgumentError, match=r"configured: none; add \[services\.orders\]"
        ):
            one.kv("orders")


DEFAULT = {"provider": "test", "options": {"client": "other"}}


async def test_names_that_are_not_configured_are_opened_at_their_first_call() -> None:
    async with cloud({"orders": kv(client="main")}, defaults=DEFAULT) as one:
        carts = one.kv("carts")
        assert "open carts" not in world.LOG
        await asyncio.gather(*(carts.set(str(i), "x") for i in range(5)))
        assert world.LOG.count("open carts") == 1
        assert "open client other" in world.LOG
        with pytest.raises(UnsupportedError, match="watch"):
            await anext(carts.watch())
    assert world.LOG[-4:] == [
        "close carts",
        "close client other",
        "close orders",
        "close client main",
    ]


async def test_a_service_whose_first_opening_failed_is_opened_by_a_later_call() -> None:
    world.FAILURES["open carts"] = lambda: UnavailableError("down")
    sections = {"disable": ["retry", "breaker"]}
    async with cloud({}, defaults=DEFAULT, layers=sections) as one:
        with pytest.raises(UnavailableError):
            await one.kv("carts").get("k")
        world.FAILURES.clear()
        assert await one.kv("carts").get("k") is None


async def test_how_many_unlisted_names_may_be_open_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build, "MAX_UNLISTED", 2)
    async with cloud({"orders": kv()}, defaults=DEFAULT) as one:
        one.kv("a"), one.kv("b"), one.kv("a")
        with pytest.raises(ResourceExhaustedError):
            one.kv("c")


async def test_what_is_opened_while_the_cloud_closes_is_closed_too() -> None:
    one = await cloud({}, defaults=DEFAULT).__aenter__()
    opening = world.EVENTS["open client other"] = asyncio.Event()
    call = asyncio.create_task(one.kv("carts").get("k"))
    await opening.wait()
    services = one._services
    assert services is not None
    services._pipelines.clear()  # so that closing does not wait for the call
    await one.aclose()
    with pytest.raises(ClosedError):
        await call
    assert world.LOG[-2:] == ["close carts", "close client other"]


async def test_a_transaction_spans_services_of_one_store() -> None:
    async with cloud({"a": kv(), "b": kv()}, defaults=DEFAULT) as one:
        async with one.transaction() as together:
            await together.kv("a").set("k", "1")
            await together.kv("b").set("k", "2")
            assert await together.kv("b").get("k") == "2"
            assert await one.kv("a").get("k") is None
        assert [await one.kv(name).get("k") for name in "ab"] == ["1", "2"]


async def written_together(one: OmniCloud, *names: str, fails: bool = False) -> None:
    async with one.transaction() as together:
        for name in names:
            await together.kv(name).set("k", "1")
        if fails:
            raise KeyError


async def test_a_transaction_that_raises_writes_nothing() -> None:
    async with cloud({"a": kv()}) as one:
        with pytest.raises(KeyError):
            await written_together(one, "a", fails=True)
        assert await one.kv("a").get("k") is None
        async with one.transaction() as together:
            left = together.kv("a")
        with pytest.raises(ClosedError):
            await left.get("k")


async def test_services_of_different_stores_cannot_share_a_transaction() -> None:
    async with cloud({"a": kv(client="main")}, defaults=DEFAULT) as one:
        with pytest.raises(InvalidArgumentError, match="'a' and 'elsewhere'"):
            await written_together(one, "a", "elsewhere")
        assert await one.kv("a").get("k") is None


async def test_unlisted_services_of_one_store_share_a_transaction() -> None:
    async with cloud({}, defaults=DEFAULT) as one:
        async with one.transaction() as together:
            await together.kv("x").set("k", "1")
            await together.kv("y").set("k", "2")
        assert await one.kv("x").get("k") == "1"
        assert await one.kv("y").get("k") == "2"


async def test_health_asks_every_service() -> None:
    async with cloud({"a": kv(), "vault": VAULT}, defaults=DEFAULT) as one:
        one.kv("lazy")
        a, lazy, vault = await one.health()
        assert (a.service, a.healthy, a.pinged) == ("a", True, True)
        assert lazy.healthy
        assert vault.healthy
        one.kv("down")
        world.FAILURES["open down"] = lambda: UnavailableError("refused")
        down = (await one.health())[1]
        assert (down.service, down.healthy) == ("down", False)
        assert "refused" in down.detail


@pytest.mark.parametrize("contract", [one for one in CONTRACTS if one != "containers"])
async def test_health_asks_without_leaving_a_trace(contract: str, tmp_path: Path) -> None:
    service = {"contract": contract, "provider": "local", "path": str(tmp_path / "data")}
    async with OmniCloud({"services": {"it": service}}) as one:
        before = _rows(tmp_path)
        (asked,) = await one.health()
        assert (asked.healthy, asked.pinged, asked.detail) == (True, True, "")
        assert _rows(tmp_path) == before


def _rows(folder: Path) -> dict[str, int]:
    """How many rows each table of the folder's database has."""
    connection = sqlite3.connect(folder / "data" / "omnicloud.db")
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    rows = {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
        for (name,) in names
    }
    connection.close()
    return rows


async def test_a_default_service_that_may_not_be_opened_is_not_well() -> None:
    world.FAILURES["open a"] = lambda: PermissionDeniedError("the folder is another's")
    async with cloud({}, defaults=DEFAULT) as one:
        one.kv("a")
        (health,) = await one.health()
    assert not health.healthy
    assert "another's" in health.detail


async def test_a_wrong_configuration_opens_nothing() -> None:
    with pytest.raises(ConfigurationError):
        await cloud({"a": kv(), "b": kv(nonsense=1)}).__aenter__()
    assert world.LOG == []


async def test_the_memory_provider_serves_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[services.orders]\ncontract = "kv"\nprovider = "memory"\n')
    async with OmniCloud(file) as one:
        await one.kv("orders", bytes).set("k", b"\x00")
        assert await one.kv("orders", bytes).get("k") == b"\x00"


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    for name in omnicloud.__all__:
        assert getattr(omnicloud, name) is not None
    assert set(omnicloud.__all__) <= set(dir(omnicloud))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        omnicloud.nonsense  # type: ignore[attr-defined]  # on purpose # noqa: B018


def test_importing_the_front_door_imports_nothing_heavy() -> None:
    code = (
        "import sys, omnicloud\n"
        "heavy = {'pydantic', 'opentelemetry', 'aiohttp', 'sqlite3', 'pluggy', 'asyncio'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


async def test_services_asked_for_before_the_first_call_are_open_when_a_transaction_begins() -> (
    None
):
    async with cloud({}, defaults=DEFAULT) as one, one.transaction() as together:
        first, second = together.kv("x"), together.kv("y")
        await first.set("k", "1")
        assert "open y" in world.LOG
        await second.set("k", "2")


async def test_the_embedded_default_serves_and_joins_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("omnicloud_local.plugin", reason="needs omnicloud[local]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMNICLOUD_CONFIG", raising=False)
    async with OmniCloud() as one:
        await one.kv("a").set("k", "v")
        async with one.transaction() as together:
            await together.kv("a").set("k", "1")
            await together.kv("opened inside").set("k", "2")
    async with OmniCloud() as again:
        assert await again.kv("a").get("k") == "1"
        assert await again.kv("opened inside").get("k") == "2"


async def test_every_contract_of_the_memory_provider_has_its_accessor() -> None:
    from omnicloud.registry.builtin import omnicloud_providers

    (memory,) = omnicloud_providers()
    async with OmniCloud({"defaults": {"provider": "memory"}}) as one:
        for contract in memory.offers:
            held = getattr(one, contract)(f"my {contract}")
            assert type(held).__name__ == CONTRACTS[contract].portable
            assert held.pipeline.service.contract == contract
        assert all(result.healthy for result in await one.health())


async def test_a_value_is_written_with_the_event_that_tells_of_it() -> None:
    from omnicloud import OutboxEvent

    event = OutboxEvent("topic", b"payload", "key", "o")
    async with OmniCloud({"defaults": {"provider": "memory"}}) as one:
        async with one.transaction() as together:
            orders, outbox = together.kv("orders"), together.outbox("events")
            await outbox.save_event(event)
            await orders.set("o", "paid")
            assert not await one.outbox("events").get_pending_events_for_aggregate("o")
        assert await one.kv("orders").get("o") == "paid"
        assert len(await one.outbox("events").get_pending_events_for_aggregate("o")) == 1


async def test_secrets_may_be_kept_by_the_default_provider() -> None:
    world.SECRETS["pw"] = "s3cret"
    sections = {"provider": "test", "secrets": "safe"}
    async with cloud({"a": kv(password="secret:pw")}, defaults=sections) as one:
        driver: Any = one.kv("a").pipeline.driver
        assert driver.password == "s3cret"
        assert await one.secrets("safe").get("pw") == "s3cret"


async def test_an_opening_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world, "open_kv", hangs)
    config = load({"services": {"a": kv()}})
    services = build.Services(make_plan(config, world.REGISTRY), open_seconds=0.01)
    with pytest.raises(UnavailableError, match="opening took longer"):
        await services.start()


async def test_a_transaction_finds_its_turn_where_calls_go_one_by_one() -> None:
    limits = {"concurrency": 1}
    async with cloud({"a": kv(limits=limits)}) as one, asyncio.timeout(5):
        await written_together(one, "a")
        assert await one.kv("a").get("k") == "1"


async def test_a_transaction_may_be_the_trial_that_closes_a_circuit() -> None:
    options: dict[str, object] = {
        "breaker": {"failures": 1, "reset": 0.05},
        "retry": {"attempts": 1},
    }
    async with cloud({"a": kv(**options)}) as one:
        await one.kv("a").get("k")
        driver: Any = one.kv("a").pipeline.driver
        driver._store.down = True
        with pytest.raises(UnavailableError):
            await one.kv("a").get("k")
        driver._store.down = False
        with pytest.raises(CircuitOpenError):
            await written_together(one, "a")
        await asyncio.sleep(0.06)
        await written_together(one, "a")
        assert await one.kv("a").get("k") == "1"


async def test_a_request_that_is_refused_anyway_begins_no_transaction() -> None:
    async with cloud({"a": kv()}) as one, one.transaction() as together:
        with pytest.raises(InvalidArgumentError):
            await together.kv("a").set("k", "x" * (64 << 20))
        assert together._joint.store is None
