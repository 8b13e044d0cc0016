"""Sets of providers that the orders example runs on, and the real servers behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from omnicloud_tck.servers import ServerProcess

__all__ = ["SETS", "ProviderSet", "Served", "served"]

SETS_FOLDER = Path(__file__).parents[2] / "examples" / "orders" / "sets"


@dataclass(frozen=True)
class Served:
    """A server that runs, and what the application's environment says of it."""

    server: ServerProcess
    environment: Mapping[str, str]


@dataclass(frozen=True)
class ProviderSet:
    """One configuration file of the example.

    Attributes:
        name: Of the file below ``examples/orders/sets``; ``local`` is the example's own.
        servers: Names of the servers it needs, the one that is killed first.
        packages: Folders of the providers that a machine may lack a server for.
    """

    name: str
    servers: Sequence[str] = ()
    packages: Sequence[str] = ()

    @property
    def file(self) -> Path:
        """The configuration."""
        own = SETS_FOLDER.parent / "omnicloud.toml"
        return own if self.name == "local" else SETS_FOLDER / f"{self.name}.toml"


SETS = [
    ProviderSet("local"),
    ProviderSet("redis-s3", ["redis", "s3"], ["plugins/redis", "plugins/s3"]),
    ProviderSet("postgres-s3", ["postgres", "s3"], ["plugins/postgres", "plugins/s3"]),
]


@asynccontextmanager
async def served(wanted: ProviderSet) -> AsyncIterator[list[Served]]:
    """Its servers, running side by side; all are gone when the block ends."""
    async with AsyncExitStack() as stack:
        yield list(await asyncio.gather(*(_START[name](stack) for name in wanted.servers)))


def _said(services: Sequence[str], option: str, value: str) -> dict[str, str]:
    return {f"OMNICLOUD_SERVICES__{name.upper()}__{option.upper()}": value for name in services}


async def _redis(stack: AsyncExitStack) -> Served:
    from omnicloud_redis.certify import redis_server

    server = redis_server()
    stack.callback(server.remove)
    await server.start()
    url = f"redis://127.0.0.1:{server.port}/0"
    return Served(server, _said(("broker", "runs", "jobs"), "url", url))


async def _postgres(stack: AsyncExitStack) -> Served:
    from omnicloud_postgres.server import postgres_server

    server = postgres_server()
    stack.callback(server.end)
    await server.start()
    url = f"postgresql://127.0.0.1:{server.port}/postgres"
    names = ("orders", "events", "stock", "payments", "runs", "broker", "letters", "jobs")
    return Served(server, {**_said(names, "url", url), "PGUSER": "postgres"})


async def _s3(stack: AsyncExitStack) -> Served:
    from omnicloud_s3.certify import ACCESS, SECRET, made_bucket, seaweedfs
    from omnicloud_s3.config import S3Config

    server = seaweedfs()
    stack.callback(server.end)
    await server.start()
    endpoint = f"http://127.0.0.1:{server.port}"
    keys = {"access_key": ACCESS, "secret_key": SECRET}
    await made_bucket(S3Config.model_validate({"endpoint": endpoint, "bucket": "orders", **keys}))
    said = {"endpoint": endpoint, **keys}
    options = [_said(("invoices",), name, value) for name, value in said.items()]
    return Served(server, {name: value for one in options for name, value in one.items()})


_START = {"redis": _redis, "postgres": _postgres, "s3": _s3}
