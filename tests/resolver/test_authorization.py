"""A service with an authorization lets through what its iam service allows, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from omnicloud import acting_as
from omnicloud.cloud import OmniCloud
from omnicloud.config.problems import ConfigurationProblems
from omnicloud.contracts.kv import KV
from omnicloud.errors import PermissionDeniedError

RULES = [
    {"effect": "Allow", "principal": "user:alice", "action": "kv:*", "resource": "*"},
    {"effect": "Allow", "principal": "group:staff", "action": "kv:get", "resource": "orders/*"},
    {"effect": "Deny", "principal": "*", "action": "*", "resource": "orders/secret*"},
]

ACCESS = {"contract": "iam", "provider": "memory"}
GUARDED = {"contract": "kv", "provider": "memory", "authorization": "access"}


def config(**more: Any) -> dict[str, Any]:
    return {"services": {"orders": GUARDED, "access": ACCESS}, **more}


async def denied(store: KV[str], key: str) -> None:
    with pytest.raises(PermissionDeniedError):
        await store.set(key, "x")


async def test_only_what_a_rule_allows_passes() -> None:
    async with OmniCloud(config()) as cloud:
        orders = cloud.kv("orders")
        with acting_as("user:alice"):
            await denied(orders, "17")
        await cloud.iam("access").replace(RULES)
        with acting_as("user:alice"):
            await orders.set("17", "book")
            await denied(orders, "secret-1")
        with acting_as("user:bob", groups=frozenset({"staff"})):
            assert await orders.get("17") == "book"
            await denied(orders, "17")
        with acting_as("user:eve"), pytest.raises(PermissionDeniedError):
            await orders.get("17")
        with pytest.raises(PermissionDeniedError, match="principal"):
            await orders.get("17")


async def test_what_the_defaults_say_guards_services_that_are_not_configured() -> None:
    defaults = {"provider": "memory", "authorization": "access"}
    said = {"services": {"access": ACCESS}, "defaults": defaults}
    async with OmniCloud(said) as cloud:
        await cloud.iam("access").replace(RULES)
        await denied(cloud.kv("unlisted"), "k")
        with acting_as("user:alice"):
            await cloud.kv("unlisted").set("k", "v")


async def test_inside_a_transaction_the_rules_hold_as_well() -> None:
    async with OmniCloud(config()) as cloud:
        await cloud.iam("access").replace(RULES)
        with acting_as("user:alice"):
            async with cloud.transaction() as together:
                await together.kv("orders").set("17", "book")
                await denied(together.kv("orders"), "secret-1")
            assert await cloud.kv("orders").get("17") == "book"


async def test_the_iam_service_is_opened_first_and_the_plan_names_it() -> None:
    async with OmniCloud(config()) as cloud:
        assert [one.info.name for one in cloud.plan.services] == ["access", "orders"]
        assert "authorization: access" in cloud.plan.render()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"services": {"orders": GUARDED}}, "there is no iam service 'access'"),
        (
            {"services": {"orders": GUARDED, "access": {**ACCESS, "contract": "kv"}}},
            "there is no iam service 'access'",
        ),
        (
            {"services": {"access": ACCESS}, "defaults": {"authorization": "acess"}},
            "there is no iam service 'acess'",
        ),
        (config(layers={"disable": ["authorization"]}), "would not be enforced"),
        ({"services": {"access": {**ACCESS, "authorization": "access"}}}, "asks none itself"),
    ],
)
async def test_an_authorization_that_would_not_hold_is_no_plan(
    said: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationProblems, match=told):
        async with OmniCloud(said):
            pass
