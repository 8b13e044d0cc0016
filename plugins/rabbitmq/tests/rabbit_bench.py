"""Clients of the kept broker, and a connection that a test can cut."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pamqp import commands

from omnicloud.contracts.messaging import Messaging
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.pipeline import Pipeline
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.certify import kept_broker
from omnicloud_rabbitmq.config import RabbitConfig
from omnicloud_rabbitmq.messaging import RabbitMessaging
from omnicloud_rabbitmq.topology import Names
from omnicloud_tck.proxy import Proxy


class Bench:
    """One service on the broker, and as many clients of it as a test wants."""

    def __init__(self, stack: AsyncExitStack, proxy: Proxy) -> None:
        self.service = f"only-{uuid.uuid4().hex[:12]}"
        self.names = Names(self.service)
        self.proxy = proxy
        self._stack = stack

    def config(self, **options: Any) -> RabbitConfig:
        """Settings of a client through the proxy."""
        url = f"amqp://127.0.0.1:{self.proxy.port}"
        return RabbitConfig(**{"urls": (url,), "answer_timeout": 5.0, **options})

    async def client(self, *, direct: bool = False, queues: str = "classic") -> Messaging:
        """One more client; ``direct`` is one that the proxy does not hurt."""
        settings = {"urls": (f"amqp://127.0.0.1:{kept_broker().port}",)} if direct else {}
        broker = Broker(self.config(**settings), SYSTEM_CLOCK)
        self._stack.push_async_callback(self._closed, broker)
        messaging = RabbitMessaging(broker, Names(self.service, queues))
        self._stack.push_async_callback(messaging.aclose)
        return Messaging(Pipeline(messaging))

    async def _closed(self, broker: Broker) -> None:
        made = [commands.Queue.Delete(queue=name) for name in broker.queues]
        gone = [commands.Exchange.Delete(exchange=name) for name in broker.exchanges]
        try:
            if made:
                await broker.ask(*made, *gone)
        finally:
            await broker.aclose()


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A service of its own."""
    await kept_broker().start()
    async with Proxy(kept_broker().port) as proxy, AsyncExitStack() as stack:
        yield Bench(stack, proxy)
