"""A private server of one test, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud_etcd.certify import etcd_server
from omnicloud_etcd.client import Client
from omnicloud_etcd.config import EtcdConfig


@asynccontextmanager
async def server(*arguments: str, port: int = 0) -> AsyncIterator[int]:
    """The port of a server of its own; which one it is to be, if that matters."""
    one = etcd_server(*arguments)
    one.port = port
    try:
        await one.start()
        yield one.port
    finally:
        one.end()


@asynccontextmanager
async def client(port: int, **options: Any) -> AsyncIterator[Client]:
    """A client of the server at that port."""
    settings = {"urls": (f"http://127.0.0.1:{port}",), "answer_timeout": 3.0, **options}
    one = Client(EtcdConfig(**settings), SYSTEM_CLOCK)
    try:
        yield one
    finally:
        await one.aclose()
