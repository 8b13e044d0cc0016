"""What the laws do not ask, on a real Barbican: payloads that others made, projects, roles."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from omnicloud.contracts.secrets import Secrets
from omnicloud.core.http import Bounds, Wire
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SecretNotFoundError
from omnicloud_barbican.certify import kept_server, settings
from omnicloud_barbican.secrets import open_secrets
from omnicloud_tck.served import Lone


class Tenant:
    """A project, and another program's way to it."""

    def __init__(self, port: int, lone: Lone, wire: Wire) -> None:
        self.port = port
        self.lone = lone
        self._wire = wire
        self.project = f"only-{uuid.uuid4().hex}"

    async def secrets(self, **options: Any) -> Secrets:
        config = settings(self.port, self.project, **options)
        return Secrets(Pipeline(await open_secrets(config, self.lone)))

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {
            "x-project-id": self.project,
            "x-roles": "creator",
            "content-type": "application/json",
        }
        data = b"" if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/v1/{path}"
        answer = await self._wire.ask(method, url, headers, data)
        assert answer.status < 300, answer
        return json.loads(answer.body)


@pytest.fixture
async def tenant() -> AsyncIterator[Tenant]:
    server, lone, wire = kept_server(), Lone(), Wire(Bounds())
    await server.start()
    try:
        yield Tenant(server.port, lone, wire)
    finally:
        await lone.aclose()
        await wire.aclose()


async def test_a_secret_that_another_program_made_is_read_listed_and_rotated(
    tenant: Tenant,
) -> None:
    secrets = await tenant.secrets()
    text = {"name": "db/key", "payload": "théirs", "payload_content_type": "text/plain"}
    made = await tenant.ask("POST", "secrets", text)
    got = await secrets.get("db/key")
    assert got == "théirs"
    assert made["secret_ref"].endswith(got.version)
    assert [name async for name in secrets.list()] == ["db/key"]
    await secrets.rotate("db/key", "ours", grace=60)
    assert await secrets.get("db/key") == "ours"
    assert await secrets.previous("db/key") == "théirs"


async def test_a_secret_without_a_payload_is_not_there_yet(tenant: Tenant) -> None:
    secrets = await tenant.secrets()
    await tenant.ask("POST", "secrets", {"name": "empty"})
    with pytest.raises(SecretNotFoundError):
        await secrets.get("empty")
    assert [name async for name in secrets.list()] == []


async def test_services_with_prefixes_of_their_own_do_not_meet(tenant: Tenant) -> None:
    one, two = await tenant.secrets(prefix="one/"), await tenant.secrets(prefix="two/")
    await one.set("k", "1")
    with pytest.raises(SecretNotFoundError):
        await two.get("k")
    await two.set("k", "2")
    assert await one.get("k") == "1"
    assert [name async for name in two.list()] == ["k"]


async def test_a_listing_of_more_than_a_page_is_whole_while_others_write(tenant: Tenant) -> None:
    secrets = await tenant.secrets()
    names = [f"many-{number:03}" for number in range(105)]
    for name in names:
        await secrets.set(name, "x")
    listing = asyncio.ensure_future(_all(secrets))
    await secrets.set("later", "x")
    assert set(names) <= set(await listing)
    assert set(names) | {"later"} == set(await _all(secrets))


async def test_a_rotation_without_grace_leaves_nothing_of_the_old_ones(tenant: Tenant) -> None:
    secrets = await tenant.secrets()
    for number in range(3):
        await secrets.set("k", f"old {number}")
    await secrets.rotate("k", "new")
    told = await tenant.ask("GET", "secrets?limit=100")
    assert told["total"] == 1


async def _all(secrets: Secrets) -> list[str]:
    return [name async for name in secrets.list()]
