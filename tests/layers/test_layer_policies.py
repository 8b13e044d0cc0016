"""Authorization, tenancy, sealing, and the list that orders them all."""

from __future__ import annotations

import asyncio

import pytest
from probe import READ, WRITE, Ask, Scripted, pipeline

from omnicloud.core.context import acting_as, tenant
from omnicloud.core.pipeline import Layer
from omnicloud.errors import ConfigurationError, PermissionDeniedError
from omnicloud.layers.authorization import AuthorizationLayer
from omnicloud.layers.breaker import BreakerLayer
from omnicloud.layers.deadline import DeadlineLayer
from omnicloud.layers.limits import BulkheadLayer, RateLayer
from omnicloud.layers.logs import LoggingLayer
from omnicloud.layers.order import ORDER, LayerSettings, stack
from omnicloud.layers.retry import RetryLayer
from omnicloud.layers.sealing import SealingLayer
from omnicloud.layers.tenancy import TenancyLayer
from omnicloud.layers.timeout import TimeoutLayer
from omnicloud.testing import run_virtual


class Rules:
    """Allows the listed triples, and remembers what it was asked."""

    def __init__(self, *allowed: tuple[str, str, str], broken: bool = False) -> None:
        self.allowed = allowed
        self.broken = broken
        self.asked: list[tuple[str, str, str]] = []

    async def is_allowed(self, principal: str, action: str, resource: str, /) -> bool:
        await asyncio.sleep(0)
        self.asked.append((principal, action, resource))
        if self.broken:
            raise LookupError("policies are gone")
        return (principal, action, resource) in self.allowed


class Turned:
    """A seal that reverses bytes and binds them to their place; enough to see it at work."""

    overhead = 0

    def close(self, payload: bytes, bound_to: str) -> bytes:
        return bound_to.encode() + b"|" + payload[::-1]

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        assert sealed.startswith(bound_to.encode() + b"|")
        return sealed.partition(b"|")[2][::-1]


def test_what_is_allowed_passes_and_is_asked_for_in_the_callers_names() -> None:
    rules = Rules(("user:a", "probe:ask", "orders/k"))
    pipe = pipeline(AuthorizationLayer(rules), TenancyLayer("acme"), steps=[b""])
    with acting_as("user:a"):
        run_virtual(pipe.send(READ))
    assert rules.asked == [("user:a", "probe:ask", "orders/k")]


@pytest.mark.parametrize("principal", ["user:b", "USER:A"])
def test_what_is_not_allowed_is_not_sent(principal: str) -> None:
    pipe = pipeline(AuthorizationLayer(Rules(("user:a", "probe:ask", "orders/k"))))
    with acting_as(principal), pytest.raises(PermissionDeniedError):
        run_virtual(pipe.send(READ))
    assert pipe.driver.seen == []


def test_without_a_principal_nobody_is_asked_and_nothing_sent() -> None:
    rules = Rules()
    pipe = pipeline(AuthorizationLayer(rules))
    with pytest.raises(PermissionDeniedError, match="needs a principal"):
        run_virtual(pipe.send(READ))
    assert rules.asked == []
    assert pipe.driver.seen == []


def test_policies_that_cannot_be_evaluated_refuse() -> None:
    pipe = pipeline(AuthorizationLayer(Rules(broken=True)))
    with acting_as("user:a"), pytest.raises(PermissionDeniedError) as caught:
        run_virtual(pipe.send(READ))
    assert isinstance(caught.value.__cause__, LookupError)
    assert pipe.driver.seen == []


def test_each_name_of_a_batch_is_asked_for() -> None:
    pipe = pipeline(AuthorizationLayer(Rules(("user:a", "probe:ask", "orders/x"))))
    with acting_as("user:a"), pytest.raises(PermissionDeniedError):
        run_virtual(pipe.send(Ask(keys=("x", "secret"))))
    assert pipe.driver.seen == []


def echo(op: Ask) -> str:
    return op.key


@pytest.mark.parametrize(
    ("bound", "ambient", "stored"),
    [
        (None, None, "k"),
        (None, "acme", "~acme/k"),
        ("acme", None, "~acme/k"),
        ("acme", "acme", "~acme/k"),
    ],
)
def test_names_live_in_the_tenants_namespace_and_come_back_as_they_were(
    bound: str | None, ambient: str | None, stored: str
) -> None:
    pipe = pipeline(TenancyLayer(bound), steps=[echo])
    with tenant(ambient):
        assert run_virtual(pipe.send(READ)) == "k"
    assert [op.key for op in pipe.driver.seen] == [stored]


def test_a_service_of_one_tenant_refuses_the_calls_of_another() -> None:
    pipe = pipeline(TenancyLayer("acme"))
    with tenant("other"), pytest.raises(PermissionDeniedError):
        run_virtual(pipe.send(READ))
    assert pipe.driver.seen == []


def test_concurrent_tenants_do_not_mix() -> None:
    pipe = pipeline(TenancyLayer(), steps=[echo])

    async def one(name: str) -> object:
        with tenant(name):
            await asyncio.sleep(0)
            return await pipe.send(Ask(name))

    async def main() -> list[object]:
        return await asyncio.gather(*(one(f"t{n}") for n in range(20)))

    assert run_virtual(main()) == [f"t{n}" for n in range(20)]
    assert sorted(op.key for op in pipe.driver.seen) == sorted(f"~t{n}/t{n}" for n in range(20))


def test_payloads_are_sealed_for_their_stored_place_and_opened_on_the_way_back() -> None:
    layers = TenancyLayer("acme"), SealingLayer(Turned())
    pipe = pipeline(*layers, steps=[lambda op: op.payload])
    assert run_virtual(pipe.send(Ask("k", b"clear"))) == b"clear"
    assert pipe.driver.seen[0].payload == b"~acme/k|raelc"


def test_the_stack_is_in_the_order_of_the_list() -> None:
    made = stack(LayerSettings(rate=5.0), authorizer=Rules(), seal=Turned())
    assert [type(layer) for layer in made] == [
        LoggingLayer,
        DeadlineLayer,
        AuthorizationLayer,
        TenancyLayer,
        SealingLayer,
        BreakerLayer,
        RetryLayer,
        RateLayer,
        BulkheadLayer,
        TimeoutLayer,
    ]
    assert all(place.why for place in ORDER)


def test_a_layer_is_left_out_by_its_name_and_only_by_one_that_there_is() -> None:
    kept = stack(LayerSettings(disabled=frozenset({"retry", "logging"})))
    assert not {RetryLayer, LoggingLayer} & {type(layer) for layer in kept}
    with pytest.raises(ConfigurationError, match="retries"):
        LayerSettings(disabled=frozenset({"retries"}))


def test_two_stacks_share_no_layer() -> None:
    assert not set(map(id, stack())) & set(map(id, stack()))


@pytest.mark.parametrize(
    "layer",
    stack(LayerSettings(rate=5.0), authorizer=Rules(("u:a", "probe:ask", "orders/k"))),
    ids=lambda layer: type(layer).__name__,
)
def test_cancellation_passes_every_layer(layer: Layer) -> None:
    pipe = pipeline(layer, steps=[60.0])

    async def main() -> tuple[bool, Scripted]:
        with acting_as("u:a"):
            task = asyncio.create_task(pipe.send(WRITE))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), pipe.driver

    cancelled, driver = run_virtual(main())
    assert cancelled
    assert len(driver.seen) == 1
