"""Sets of providers that the orders example runs on, and the real servers behind them."""

from __future__ import annotations

import asyncio
import tomllib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omnicloud_tck.proxy import Proxy

__all__ = ["SETS", "ProviderSet", "Served", "served"]

_AWAY_SECONDS = 2.0
_EXAMPLE = Path(__file__).parents[2] / "examples" / "orders"


@dataclass(frozen=True)
class ProviderSet:
    """One configuration file of the example.

    Attributes:
        name: Of the file below ``examples/orders/sets``; ``local`` is the example's own.
        providers: Those that have a server, the one that is killed first.
        packages: Folders of the providers that a machine may lack a server for.
        orders: How many the shop is sent.
    """

    name: str
    providers: Sequence[str] = ()
    packages: Sequence[str] = ()
    orders: int = 100

    @property
    def file(self) -> Path:
        """The configuration."""
        own = self.name == "local"
        return _EXAMPLE / "omnicloud.toml" if own else _EXAMPLE / "sets" / f"{self.name}.toml"

    def environment(self, provider: str, options: Mapping[str, str]) -> dict[str, str]:
        """Variables that give options to each service of a provider in the file."""
        services = tomllib.loads(self.file.read_text())["services"]
        names = [name for name, one in services.items() if one["provider"] == provider]
        return {
            f"OMNICLOUD_SERVICES__{name.upper()}__{option.upper()}": value
            for name in names
            for option, value in options.items()
        }


class Server(Protocol):
    """What is hurt in the middle of a run."""

    async def restart(self) -> None:
        """Kill it and start it again."""


@dataclass(frozen=True)
class Served:
    """A server that runs, and the options with which a service reaches it."""

    server: Server
    options: Mapping[str, str]


@dataclass(frozen=True)
class _Line:
    """The line to a server that keeps nothing: it is cut in the place of the server."""

    proxy: Proxy

    async def restart(self) -> None:
        """Reset every connection, and each that is tried, until a server would be back."""
        self.proxy.weather.refusing = True
        self.proxy.reset()
        await asyncio.sleep(_AWAY_SECONDS)
        self.proxy.clear()


SETS = [
    ProviderSet("local"),
    ProviderSet("redis-s3", ["redis", "s3"]),
    ProviderSet("nats-gcs", ["nats", "gcs"]),
    ProviderSet("postgres-azure", ["postgres", "azure"], ["plugins/postgres", "plugins/azure"]),
    ProviderSet(
        "rabbitmq-postgres-s3",
        ["rabbitmq", "postgres", "s3"],
        ["plugins/rabbitmq", "plugins/postgres"],
    ),
    # The emulator answers one request after another, and has most of the processor.
    ProviderSet("aws", ["aws"], orders=30),
]


@asynccontextmanager
async def served(chosen: ProviderSet) -> AsyncIterator[list[Served]]:
    """Its servers, running side by side.

    All are gone when the block ends, but for those that their providers' tests keep running.
    """
    async with AsyncExitStack() as stack:
        yield list(await asyncio.gather(*(_START[name](stack) for name in chosen.providers)))


def _own_name() -> str:
    return f"orders-{uuid.uuid4().hex}"


async def _aws(stack: AsyncExitStack) -> Served:
    from omnicloud_aws.certify import kept_server

    server = kept_server()
    await server.start()
    stack.callback(server.remove)
    line = await stack.enter_async_context(Proxy(server.port))
    endpoint = f"http://127.0.0.1:{line.port}"
    name = _own_name()
    account = {"access_key": "any", "secret_key": "any", "table": name, "namespace": name}
    return Served(_Line(line), {"endpoint": endpoint, "create_table": "true", **account})


async def _azure(_: AsyncExitStack) -> Served:
    from omnicloud_azure.certify import kept_server, made_container, settings_of

    server = kept_server()
    await server.start()
    settings = settings_of(server.port, _own_name())
    await made_container(settings)
    key = settings["account_key"].get_secret_value()
    return Served(server, {**settings, "account_key": key})


async def _gcs(_: AsyncExitStack) -> Served:
    from omnicloud_gcs.certify import kept_server, made_bucket

    server = kept_server()
    await server.start()
    endpoint = f"http://127.0.0.1:{server.port}"
    bucket = _own_name()
    await made_bucket(endpoint, bucket)
    return Served(server, {"endpoint": endpoint, "bucket": bucket, "anonymous": "true"})


async def _nats(stack: AsyncExitStack) -> Served:
    from omnicloud_nats.certify import nats_server

    server = nats_server()
    stack.callback(server.remove)
    await server.start()
    return Served(server, {"url": f"nats://127.0.0.1:{server.port}"})


async def _postgres(stack: AsyncExitStack) -> Served:
    from omnicloud_postgres.server import postgres_server

    server = postgres_server()
    stack.callback(server.end)
    await server.start()
    url = f"postgresql://127.0.0.1:{server.port}/postgres"
    return Served(server, {"url": url, "username": "postgres"})


async def _rabbitmq(_: AsyncExitStack) -> Served:
    from omnicloud_rabbitmq.certify import kept_broker

    server = kept_broker()
    await server.start()
    return Served(server, {"urls": f'["amqp://127.0.0.1:{server.port}"]'})


async def _redis(stack: AsyncExitStack) -> Served:
    from omnicloud_redis.certify import redis_server

    server = redis_server()
    stack.callback(server.remove)
    await server.start()
    return Served(server, {"url": f"redis://127.0.0.1:{server.port}/0"})


async def _s3(stack: AsyncExitStack) -> Served:
    from omnicloud_s3.certify import ACCESS, SECRET, made_bucket, seaweedfs
    from omnicloud_s3.config import S3Config

    server = seaweedfs()
    stack.callback(server.end)
    await server.start()
    endpoint = f"http://127.0.0.1:{server.port}"
    options = {"endpoint": endpoint, "access_key": ACCESS, "secret_key": SECRET}
    await made_bucket(S3Config.model_validate({"bucket": "orders", **options}))
    return Served(server, options)


_START = {
    "aws": _aws,
    "azure": _azure,
    "gcs": _gcs,
    "nats": _nats,
    "postgres": _postgres,
    "rabbitmq": _rabbitmq,
    "redis": _redis,
    "s3": _s3,
}
