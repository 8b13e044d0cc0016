"""What a client makes of the answers of something that is not a service of AWS."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.messaging import driver as messaging
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.errors import ConfigurationError, Outcome, UnavailableError
from omnicloud.registry.provider import load
from omnicloud_aws.certify import kept_server, settings
from omnicloud_aws.plugin import omnicloud_providers
from omnicloud_tck.pretending import Said, pretending
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.served import Lone

_PAGE = b"<html><body><p>Please log in</p></body></html>"
_ANSWERS = [
    Said(200, {}, _PAGE),
    Said(200, {"content-type": "application/json"}, b"{}"),
    Said(200, {"content-type": "application/json"}, b"[1]"),
    Said(204),
    Said(403, {}, _PAGE),
    Said(404, {}, _PAGE),
]
_CALLS: Mapping[str, tuple[Any, ...]] = {
    "documents": (documents.Count("c"), documents.Insert("c", {"_id": "a"}), documents.Find("c")),
    "kv": (kv.Get("k"), kv.Set("k", b"x"), kv.Scan(), kv.GetMany(("k",)), kv.Increment("n")),
    "messaging": (
        messaging.Measure("t", "g"),
        messaging.Publish("t", (Outgoing("i", b"x"),)),
        messaging.Receive("t", "g", 1, 0.0, 30.0),
    ),
    "secrets": (secrets.Get("s"), secrets.Set("s", b"x"), secrets.List()),
}


@pytest.mark.parametrize("contract", _CALLS)
async def test_a_page_of_something_else_is_no_value_no_absence_and_no_success(
    contract: str,
) -> None:
    (provider,) = omnicloud_providers()
    server, lone = kept_server(), Lone()
    await server.start()
    said = [_ANSWERS[0]]
    async with pretending(lambda _: said[0]) as other, Proxy(server.port) as proxy:
        config = settings(proxy.port, f"only-{uuid.uuid4().hex}")
        open_: Any = load(provider.offers[contract].opens)
        driver = await open_(config, lone)
        if contract == "messaging":
            await messaging.Subscribe("t", "g").run(driver)
        await _CALLS[contract][1].run(driver)
        proxy.retarget(int(other.endpoint.rpartition(":")[2]))
        proxy.reset()
        for said[0] in _ANSWERS:
            for call in _CALLS[contract]:
                with pytest.raises(UnavailableError) as told:
                    await call.run(driver)
                assert told.value.outcome is Outcome.UNKNOWN
        proxy.retarget(server.port)
        proxy.reset()
        await _answered(_CALLS[contract][0], driver)
        await lone.aclose()
    server.remove()


async def test_a_table_that_is_not_there_stays_a_mistake_of_the_settings() -> None:
    (provider,) = omnicloud_providers()
    server, lone = kept_server(), Lone()
    await server.start()
    config = settings(server.port, f"only-{uuid.uuid4().hex}")
    open_: Any = load(provider.offers["kv"].opens)
    driver = await open_(config, lone)
    assert await kv.Get("k").run(driver) is None
    await driver._client.ask("delete_table", TableName=config.table)
    with pytest.raises(ConfigurationError, match="not there"):
        await kv.Get("k").run(driver)
    await lone.aclose()
    server.remove()


async def _answered(call: Any, driver: Any) -> None:
    """Ask again while connections of before turn out to be reset."""
    for _ in range(50):
        try:
            await call.run(driver)
        except UnavailableError:
            await asyncio.sleep(0.05)
        else:
            return
    pytest.fail("the client has not found the service again")


@pytest.mark.parametrize("said", [one for one in _ANSWERS if one.body != b"[1]"])
async def test_a_page_of_something_else_at_the_opening_is_a_mistake_of_the_settings(
    said: Said,
) -> None:
    (provider,) = omnicloud_providers()
    async with pretending(lambda _: said) as other:
        config = settings(int(other.endpoint.rpartition(":")[2]), "only")
        for offer in provider.offers.values():
            lone = Lone()
            open_: Any = load(offer.opens)
            with pytest.raises(ConfigurationError, match="not a service of AWS"):
                await open_(config, lone)
            await lone.aclose()
