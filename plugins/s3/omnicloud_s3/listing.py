"""Listings: the service's keys turned back into ours, with the versions that it does not tell.

A listing of the service tells the ETag alone, so each line costs a request of its own. A cursor
is where the service goes on, and the last line that was told: of keys that had to be cut, which
the service keeps in another order, some may come again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from omnicloud.contracts.objects.driver import List
from omnicloud.contracts.objects.listing import common_prefix
from omnicloud.contracts.objects.models import Listed, ObjectInfo, ObjectPage
from omnicloud.contracts.objects.stored_keys import StoredKeys
from omnicloud.core.together import together
from omnicloud.errors import InvalidArgumentError
from omnicloud_s3.answers import Page, listing
from omnicloud_s3.client import Client

__all__ = ["Lister"]

_LAST = "\U0010ffff"  # above every other character that goes on after a common prefix
_BETWEEN = "\0"  # in no key of the service
_AT_ONCE = 32
_CLUSTER_PAGE = 1000

Look = Callable[[str], Awaitable[ObjectInfo | None]]
"""Answers what is known of the object under a key of the service."""


@dataclass(frozen=True, slots=True)
class Lister:
    """Makes pages; ``look`` is asked once for each object on them."""

    client: Client
    keys: StoredKeys
    look: Look

    async def page(self, op: List) -> ObjectPage:
        """One page of the service as one of ours: it may hold fewer lines than asked for."""
        after, floor = _position(op.cursor)
        found, more = await self._stored(op, after)
        shared = {stored: self._folded(stored, op) for stored in found if self._is_ours(stored)}
        infos = await self._looked([stored for stored, line in shared.items() if line is None])
        lines = {line: Listed(line) for line in shared.values() if line is not None}
        for info in infos:
            line = _line(info, op)
            lines[line.key] = line
        told = sorted(key for key in lines if key.startswith(op.prefix) and key > floor)
        items = tuple(lines[key] for key in told[: op.limit])
        if len(told) > op.limit:
            return ObjectPage(items, after + _BETWEEN + told[op.limit - 1])
        if not more:
            return ObjectPage(items)
        floor = told[-1] if told else floor
        return ObjectPage(items, self._next(found[-1], shared, op) + _BETWEEN + floor)

    async def _stored(self, op: List, after: str) -> tuple[list[str], bool]:
        """Keys of the service, none of a cluster of cut ones without all others of it."""
        page = await self._asked(self.keys.beginning(op.prefix), after, op.limit)
        found = [line.key for line in page.lines]
        cluster = self._cluster_of(found[-1]) if found and page.more else None
        if cluster is None:
            return found, page.more and bool(found)
        while page.lines and found[-1].startswith(cluster):
            page = await self._asked(cluster, found[-1], _CLUSTER_PAGE)
            found += [line.key for line in page.lines]
            if not page.more:
                break
        return found, True

    def _is_ours(self, stored: str) -> bool:
        return self.keys.key(stored) is not None

    def _cluster_of(self, stored: str) -> str | None:
        key = self.keys.key(stored)
        return None if key is None else self.keys.cluster(key)

    async def _asked(self, prefix: str, after: str, limit: int) -> Page:
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(limit)}
        if prefix:
            query["prefix"] = prefix
        if after:
            query["start-after"] = after
        answer = await self.client.ask("GET", query=query)
        if answer.status != 200:
            raise answer.refused()
        return listing(answer.body)

    def _folded(self, stored: str, op: List) -> str | None:
        """The common prefix that stands for an object, where the stored key alone tells it."""
        key = self.keys.key(stored)
        if key is None or not key.startswith(op.prefix):
            return None
        return common_prefix(key, op.prefix, op.delimiter)

    async def _looked(self, found: Sequence[str]) -> list[ObjectInfo]:
        infos = await together(self.look, found, _AT_ONCE)
        return [info for info in infos if info is not None]

    def _next(self, stored: str, shared: dict[str, str | None], op: List) -> str:
        """Where the service goes on: past all that the last common prefix stands for."""
        prefix = shared.get(stored)
        if prefix is None or self.keys.cluster(prefix) is not None:
            return stored
        return max(stored, self.keys.beginning(prefix) + _LAST)


def _position(cursor: str | None) -> tuple[str, str]:
    """Where the service goes on, and the last line that was told."""
    if cursor is None:
        return "", ""
    after, between, floor = cursor.partition(_BETWEEN)
    if not between:
        raise InvalidArgumentError("the cursor is none that a page of this service told")
    return after, floor


def _line(info: ObjectInfo, op: List) -> Listed:
    shared = common_prefix(info.key, op.prefix, op.delimiter)
    if shared is not None and info.key.startswith(op.prefix):
        return Listed(shared)
    return Listed(info.key, info.size_bytes, info.version, info.modified)
