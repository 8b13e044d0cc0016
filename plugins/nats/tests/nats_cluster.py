"""Three servers that keep every stream together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from omnicloud.errors import UnavailableError
from omnicloud_nats.certify import answers, program
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.errors import NativeError
from omnicloud_nats.store import Store
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import ServerProcess, free_port

R = TypeVar("R")

_READY_SECONDS = 40.0


class Cluster:
    """Its servers by name, and clients of all three."""

    def __init__(self) -> None:
        self._routes = [free_port() for _ in range(3)]
        self.servers = {f"n{at}": ServerProcess(self._command(at), answers) for at in range(3)}
        self.lone = Lone(service="cluster")

    @property
    def config(self) -> NatsConfig:
        """Settings of a client that knows all three."""
        url = ",".join(f"nats://127.0.0.1:{server.port}" for server in self.servers.values())
        return NatsConfig(url=url, replicas=3, durability="fsync", answer_timeout=2.0)

    async def start(self) -> None:
        """Start them and wait until they keep a stream together."""
        for server in self.servers.values():
            await server.start()
        store = Store(self.config, self.lone.clock)
        request = {"name": "ready", "subjects": ["ready"], "num_replicas": 3}
        try:
            await persistent(lambda: store.api("STREAM.CREATE.ready", request), _READY_SECONDS)
        finally:
            await store.aclose()

    def remove(self) -> None:
        """End them."""
        for server in self.servers.values():
            server.remove()

    def _command(self, at: int) -> Callable[[int, Path], Sequence[str]]:
        def command(port: int, folder: Path) -> Sequence[str]:
            routes = ", ".join(f'"nats://127.0.0.1:{route}"' for route in self._routes)
            lines = [
                f"server_name: n{at}",
                f"listen: 127.0.0.1:{port}",
                f'jetstream {{ store_dir: "{folder}/streams", sync_interval: always }}',
                f"cluster {{ name: c, listen: 127.0.0.1:{self._routes[at]}, routes: [{routes}] }}",
            ]
            written = folder / "nats.conf"
            written.write_text("\n".join(lines))
            return (program(), "-c", str(written))

        return command


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """A cluster that is ready."""
    made = Cluster()
    try:
        await made.start()
        yield made
        await made.lone.aclose()
    finally:
        made.remove()


async def persistent(call: Callable[[], Awaitable[R]], seconds: float = 30.0) -> R:
    """Send a request that may be repeated until it is answered."""
    until = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except (UnavailableError, NativeError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def leader_of(store: Store, stream: str) -> str:
    """The server that answers for a stream."""
    said: dict[str, Any] = await store.api(f"STREAM.INFO.{stream}")
    return str(said["cluster"]["leader"])
