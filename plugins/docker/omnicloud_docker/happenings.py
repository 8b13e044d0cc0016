"""Events of the engine as the contract's, read on from a moment."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from omnicloud.contracts.containers import Event, EventKind
from omnicloud.contracts.containers.models import EventPage
from omnicloud.core.names import escape, unescape
from omnicloud_docker.client import EngineClient
from omnicloud_docker.mapping import NAME, NEVER_RAN, SERVICE, nanoseconds

__all__ = ["begin", "read_events"]

_K = EventKind
_KINDS = {
    "start": _K.STARTED,
    "die": _K.EXITED,
    "pause": _K.PAUSED,
    "unpause": _K.UNPAUSED,
    "update": _K.UPDATED,
    "destroy": _K.REMOVED,
    "health_status: healthy": _K.HEALTHY,
    "health_status: unhealthy": _K.UNHEALTHY,
}
_ASKED = [*sorted({action.partition(":")[0] for action in _KINDS})]
_DRAIN_SECONDS = 0.1


async def begin(client: EngineClient) -> EventPage:
    """No event, and the cursor of this moment, by the engine's clock."""
    info = await client.ask("GET", "/info")
    return EventPage((), json.dumps([nanoseconds(info["SystemTime"]), 0]))


async def read_events(
    client: EngineClient, service: str, prefix: str, cursor: str, wait: float
) -> EventPage:
    """Events after a cursor; those that the engine has kept, then those that come."""
    moment, told = json.loads(cursor)
    reader = _Reader(moment, told)
    filters = {
        "type": ["container"],
        "event": _ASKED,
        "label": [f"{SERVICE}={escape(service)}"],
    }
    params = {
        "since": f"{moment // 10**9}.{moment % 10**9:09}",
        "filters": json.dumps(filters),
    }
    loop = asyncio.get_running_loop()
    until = loop.time() + max(wait, _DRAIN_SECONDS)
    found: list[Event] = []
    async with client.answer("GET", "/events", params, wait=wait + 1) as response:
        while (left := until - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, _DRAIN_SECONDS) if found else left):
                    line = await response.content.readline()
            except TimeoutError:
                break
            if not line:
                break
            event = reader.taken(json.loads(line))
            if event is not None and event.name.startswith(prefix):
                found.append(event)
    return EventPage(tuple(found), json.dumps([reader.moment, reader.told]))


class _Reader:
    """Passes over the events that were told already: those of the cursor's own moment."""

    def __init__(self, moment: int, told: int) -> None:
        self.moment = moment
        self.told = told
        self._passed = (moment, told)

    def taken(self, raw: dict[str, Any]) -> Event | None:
        at, left = raw["timeNano"], self._passed[1]
        if at == self._passed[0] and left > 0:
            self._passed = (at, left - 1)
            return None
        self.told = self.told + 1 if at == self.moment else 1
        self.moment = at
        attributes = raw["Actor"]["Attributes"]
        kind = _KINDS.get(raw["Action"])
        if kind is None or attributes["name"].startswith(NEVER_RAN):
            return None
        code = int(attributes["exitCode"]) if kind is _K.EXITED else None
        return Event(unescape(attributes[NAME]), kind, at / 1e9, code)
