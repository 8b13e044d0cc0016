"""Laws of everything that is told in pages: a cursor says all, and half a walk is no walk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.documents.filters import Exists
from omnicloud.contracts.documents.models import SortKey
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, OmniCloudError, UnavailableError
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.samples import NAMES
from omnicloud_tck.seams import SEAMS, USUAL_SEAMS
from omnicloud_tck.world import World

__all__ = ["TOLD", "Paged"]

Pipe = Pipeline[Any]
Request = Operation[Any, Any]

_NAMES = [f"walk-{number:02}" for number in range(13)]
_LONG = [f"{'m' * length}{end}" for length in (200, 254, 511, 767, 1022) for end in "ab"]
_SIZE = 3
_MOST_PAGES = 400
_OUTAGE_SECONDS = 20.0
_RESTS, _REAL_RESTS = (40.0, 700.0, 8000.0, 90_000.0), (0.05,)
"""Seconds between two pages: most cursors of services that end do so in ten minutes."""
_DELAYS, _REAL_DELAYS = (300.0, 1500.0, 6000.0, 31_000.0), (40.0,)
"""Milliseconds each way: most bounds of searches that tell what they have are of seconds."""
_PATIENCE = 1e4  # seconds that such walks may take where time is virtual
_AGES = 1e7  # seconds that may pass where time is virtual


class Paged(Contract):
    """For contracts that tell names in pages, where their payloads are kept."""

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        """Store the payload under the name, over what was there."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are put")

    @law(
        "G-089",
        "Walks through pages do not meet: each goes on from its cursor, at once, between others, "
        "and again.",
        rung=Rung.CONCURRENCY,
    )
    async def walks_do_not_meet(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        op = _WALKS[self.contract](_SIZE)
        if not op.needs() <= pipe.driver.features:
            return
        await self._filled(pipe)
        first, cursor = await _page(pipe, op)
        begun = replace(op, cursor=cursor)  # type: ignore[type-var]  # requests are dataclasses
        equal(_NAMES, await _walk(pipe, op), "a walk while another is at its second page")
        equal(_NAMES, first + await _walk(pipe, begun), "the one that was under way")
        equal(_NAMES, first + await _walk(pipe, begun), "a page that is asked for again, and on")
        several = [_WALKS[self.contract](size) for size in (1, 2, 5, _SIZE, 2)]
        for found in await asyncio.gather(*(_walk(pipe, one) for one in several)):
            equal(_NAMES, found, "a walk beside others at once")

    @law(
        "G-090",
        "A walk whose further page meets an outage is an error, and goes on from there after it.",
        abilities=[Ability.OUTAGE],
    )
    async def half_a_walk_is_an_error(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        op = _WALKS[self.contract](_SIZE)
        if not op.needs() <= pipe.driver.features:
            return
        await self._filled(pipe)
        first, cursor = await _page(pipe, op)
        that(cursor is not None, f"{len(_NAMES)} names are told in a page of {_SIZE}")
        begun = replace(op, cursor=cursor)  # type: ignore[type-var]  # requests are dataclasses
        async with world.outage():
            # A driver that fetched ahead may go on, but not end.
            await _fails_or_is_whole(pipe, begun, first)

        async def goes_on() -> bool:
            return await _fails_or_is_whole(pipe, begun, first)

        await eventually(goes_on, world.sleep, _OUTAGE_SECONDS, "a walk that goes on after it")

    @law(
        "G-091",
        "Names of every kind and length are told page after page, each once, in their order.",
    )
    async def every_name_has_its_page(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        op = _ALL[self.contract](1)
        if not op.needs() <= pipe.driver.features:
            return
        names = sorted({*NAMES, *_LONG, *_parted(world)}, key=str.encode)
        for name in reversed(names):
            await self.put(pipe, name, b"x")
        for size in (1, 2, 5) if world.virtual else (1, 5):
            equal(names, await _walk(pipe, _ALL[self.contract](size)), f"a walk in pages of {size}")

    @law(
        "G-105",
        "A walk goes on from its cursor, however long its reader takes.",
        patience=_AGES,
    )
    async def walks_wait_for_their_readers(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        if not _WALKS[self.contract](_SIZE).needs() <= pipe.driver.features:
            return
        await self._filled(pipe)
        for op in _walks_of(self.contract):
            for seconds in _RESTS if world.virtual else _REAL_RESTS:
                rest = partial(world.sleep, seconds)
                about = f"a walk with {seconds:g} s between its pages"
                equal(_NAMES, await _walk(pipe, op, rest), about)

    @law(
        "G-112",
        "A walk through a slow backend tells all, or fails; what was found in time is not all.",
        abilities=[Ability.SLOW],
        patience=_PATIENCE,
    )
    async def slow_walks_are_whole(self, world: World[Any]) -> None:
        pipe, walks = await world.pipeline(), _WALKS[self.contract]
        if not walks(_SIZE).needs() <= pipe.driver.features:
            return
        await self._filled(pipe)
        for size in (5, 1000) if world.virtual else (5,):
            for milliseconds in _DELAYS if world.virtual else _REAL_DELAYS:
                async with world.slow(milliseconds):
                    try:
                        found = await _walk(pipe, walks(size))
                    except (UnavailableError, DeadlineExceededError):
                        continue
                equal(_NAMES, found, f"a walk in pages of {size}, each {milliseconds:g} ms late")

    async def _filled(self, pipe: Pipe) -> None:
        for name in reversed(_NAMES):
            await self.put(pipe, name, b"x")


def _parted(world: World[Any]) -> list[str]:
    """Names of which a cursor that is cut at a seam, or joined by one, makes others."""
    seams = SEAMS if world.virtual else USUAL_SEAMS
    return [f"part{seam}{end}" for seam in seams for end in (f"1{seam}1", f"1{seam}2", "2")]


async def _fails_or_is_whole(pipe: Pipe, begun: Request, first: list[str]) -> bool:
    """Whether the rest of a walk is told; half of it is worse than an error."""
    try:
        async with asyncio.timeout(_OUTAGE_SECONDS):
            found = await _walk(pipe, begun)
    except OmniCloudError as error:
        known = isinstance(error, UnavailableError | DeadlineExceededError)
        that(known, f"a further page in an outage is told as {type(error).__name__}")
        return False
    except TimeoutError:
        that(False, f"a further page in an outage had not come after {_OUTAGE_SECONDS:.0f} s")
        return False
    equal(_NAMES, first + found, "a walk with an outage in it")
    return True


def _walks_of(contract: str) -> list[Request]:
    """The first requests of walks in few pages, in whatever way there is."""
    walks = [_WALKS[contract](5)]
    if contract == "documents":
        keys = (SortKey(("payload",), descending=True), SortKey(("missing",)))
        walks.append(documents.Find("kit", Exists(("payload",)), keys, limit=5))
    return walks


async def _walk(
    pipe: Pipe, op: Request, rest: Callable[[], Awaitable[None]] | None = None
) -> list[str]:
    """All that is told from a request on."""
    found: list[str] = []
    for _ in range(_MOST_PAGES):
        told, cursor = await _page(pipe, op)
        found += told
        if cursor is None:
            return found
        if rest is not None:
            await rest()
        op = replace(op, cursor=cursor)  # type: ignore[type-var]  # requests are dataclasses
    that(False, f"a walk has not ended after {_MOST_PAGES} pages")
    return found


async def _page(pipe: Pipe, op: Request) -> tuple[list[str], str | None]:
    page = await pipe.send(op)
    return TOLD[type(op)](page), page.cursor


_WALKS: dict[str, Callable[[int], Request]] = {
    "kv": lambda size: kv.Scan("walk-", limit=size),
    "objects": lambda size: objects.List("walk-", limit=size),
    "documents": lambda size: documents.Find("kit", limit=size),
    "secrets": lambda size: secrets.List("walk-", limit=size),
}
"""The first request of a walk through all that a contract's ``put`` has put."""

_ALL: dict[str, Callable[[int], Request]] = {
    "kv": lambda size: kv.Scan(limit=size),
    "objects": lambda size: objects.List(limit=size),
    "documents": _WALKS["documents"],
    "secrets": lambda size: secrets.List(limit=size),
}
"""The first request of a walk through all names there are."""

TOLD: dict[type, Callable[[Any], list[str]]] = {
    kv.Scan: lambda page: list(page.keys),
    objects.List: lambda page: [item.key for item in page.items],
    documents.Find: lambda page: [item.document["_id"] for item in page.items],
    secrets.List: lambda page: list(page.names),
}
"""The names that a page tells."""
