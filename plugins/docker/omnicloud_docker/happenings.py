"""Events of the engine as the contract's, read on from a place among them.

All events are asked for, also those of strangers: what the engine keeps is bounded by the
number of all, and by a stranger's event as well as by ours a place can be found again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from omnicloud.contracts.containers import Event, EventKind
from omnicloud.contracts.containers.models import EventPage
from omnicloud.core.names import escape, unescape
from omnicloud_docker.client import EngineClient
from omnicloud_docker.mapping import NAME, NEVER_RAN, SERVICE, nanoseconds
from omnicloud_docker.places import KEPT, Place, lost

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
_DRAIN_SECONDS = 0.1
_FIRST_SECONDS = 1.0
"""After which an engine is asked why it does not even tell the event of the place."""


async def begin(client: EngineClient) -> EventPage:
    """No event, and the cursor of this moment, by the engine's clock."""
    info = await client.ask("GET", "/info")
    place = Place()
    for raw in await _kept(client, 0, nanoseconds(info["SystemTime"])):
        place.take(raw)
    return EventPage((), str(place))


async def read_events(
    client: EngineClient, service: str, prefix: str, cursor: str, wait: float
) -> EventPage:
    """Events after a cursor; those that the engine has kept, then those that come.

    Raises:
        NotFoundError: The engine has let events go that came after the cursor, or may have.
    """
    place = Place.of(cursor)
    is_known = place.is_known
    loop = asyncio.get_running_loop()
    until = loop.time() + max(wait, _DRAIN_SECONDS)
    found: list[Event] = []
    new = 0
    async with _told(client, place.since, wait=wait + 1) as lines:
        raw = await lines.next(min(until - loop.time(), _FIRST_SECONDS))
        if is_known and (raw is None or not place.holds(raw)):
            await _check(client, place)
        if raw is None:
            raw = await lines.next(until - loop.time())
        while raw is not None:
            if not place.holds(raw):
                place.take(raw)
                new += 1
                event = _event(raw, service)
                if event is not None and event.name.startswith(prefix):
                    found.append(event)
                if found or not is_known:
                    until = min(until, loop.time() + _DRAIN_SECONDS)
            raw = await lines.next(until - loop.time())
    if not is_known and new >= KEPT:
        raise lost()
    return EventPage(tuple(found), str(place))


async def _check(client: EngineClient, place: Place) -> None:
    """Raise where the engine has none of the place's events any more: there may be a hole.

    What it has now it had when the reading began, and all that came after it.
    """
    kept = await _kept(client, place.since, place.newest)
    if not any(place.holds(raw) for raw in kept):
        raise lost()


async def _kept(client: EngineClient, since: int, until: int) -> list[dict[str, Any]]:
    """The events between two moments of the past that the engine has kept."""
    found = []
    async with _told(client, since, until) as lines:
        while (raw := await lines.next()) is not None:
            found.append(raw)
    return found


@asynccontextmanager
async def _told(
    client: EngineClient, since: int, until: int | None = None, *, wait: float = 0.0
) -> AsyncIterator[_Lines]:
    params = {"since": _moment(since)}
    if until is not None:
        params["until"] = _moment(until)
    async with client.answer("GET", "/events", params, wait=wait) as response:
        yield _Lines(response.content)


class _Lines:
    """An answer's lines, of any length: strangers' labels are in them. No wait loses a part."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._rest = b""

    async def next(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next event, ``None`` where none comes in time or the engine ends its telling."""
        try:
            async with asyncio.timeout(None if seconds is None else max(seconds, 0.0)):
                while b"\n" not in self._rest:
                    part = await self._content.readany()
                    if not part:
                        return None
                    self._rest += part
        except TimeoutError:
            if seconds is None:
                raise  # the engine's time for an answer is over, not ours
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


def _moment(nanos: int) -> str:
    return f"{nanos // 10**9}.{nanos % 10**9:09}"


def _event(raw: dict[str, Any], service: str) -> Event | None:
    """The contract's event, ``None`` for what is not this service's or not told."""
    attributes = raw["Actor"].get("Attributes") or {}
    if raw["Type"] != "container" or attributes.get(SERVICE) != escape(service):
        return None
    kind = _KINDS.get(raw["Action"])
    if kind is None or attributes["name"].startswith(NEVER_RAN):
        return None
    code = int(attributes["exitCode"]) if kind is _K.EXITED else None
    return Event(unescape(attributes[NAME]), kind, raw["timeNano"] / 1e9, code)
