"""Pages after the first: one that fails is asked for again, so that those before it stay good."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from omnicloud.errors import ThrottledError, UnavailableError
from omnicloud_aws.client import Client

__all__ = ["queried"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds
_MOST_SECONDS = 5.0  # after which no further try begins


async def queried(client: Client, **asked: Any) -> Mapping[str, Any]:
    """A page of a query of DynamoDB.

    The first page fails as any request does. One further on is tried again where the service asks
    for fewer requests or is away, with growing pauses, for some seconds.
    """
    until = client.time.clock.monotonic() + _MOST_SECONDS
    pause = _FIRST_PAUSE
    while True:
        try:
            return await client.ask("query", **asked)
        except (ThrottledError, UnavailableError):
            if "ExclusiveStartKey" not in asked or client.time.clock.monotonic() >= until:
                raise
        await client.time.clock.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
        pause = min(2 * pause, _LONGEST_PAUSE)
