"""Worlds for the compatibility kit: a real server behind the kit's proxy.

Imported by the kit alone, which must be installed. The server is PostgreSQL of the system,
started on a copy of one fresh data folder and used by one world after another;
``OMNICLOUD_TEST_POSTGRES_URL`` (postgresql://HOST:PORT/DATABASE) names a running one instead,
which the kit does not kill.
"""

from __future__ import annotations

import os
import uuid
from typing import Any
from urllib.parse import urlsplit

from omnicloud.registry.provider import load
from omnicloud_postgres.config import PostgresConfig
from omnicloud_postgres.plugin import omnicloud_providers
from omnicloud_postgres.server import URL, server_version, some_server
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.world import Backend, World

__all__ = ["postgres_world", "world"]


def world(contract: str) -> World[Any]:
    """A fresh world of this provider for a contract."""
    (provider,) = omnicloud_providers()
    return postgres_world(load(provider.offers[contract].opens))


def postgres_world(open_: Any, **options: Any) -> World[Any]:
    """A world whose clients are ``open_(config, opening)``; ``options`` are settings."""
    running = os.environ.get(URL)
    path = urlsplit(running).path if running else "/postgres"

    async def dial(port: int, lone: Lone) -> Any:
        settings = {
            "username": os.environ.get("PGUSER", "postgres"),
            "answer_timeout": 2.5,
            "connect_timeout": 2.5,
            "max_connections": 8,
            "max_transactions": 8,
            **options,
        }
        url = f"postgresql://127.0.0.1:{port}{path}"
        if made.backend is None:
            made.backend = Backend("PostgreSQL", await server_version(port))
        return await open_(PostgresConfig(url=url, **settings), lone)

    service = f"tck-{uuid.uuid4().hex}"
    if running:
        port = urlsplit(running).port or 5432
        made = served_world(dial, server=None, port=port, service=service, services=True)
    else:
        made = served_world(dial, server=some_server(), service=service, services=True)
    return made
