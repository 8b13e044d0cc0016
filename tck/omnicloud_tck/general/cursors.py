"""The law of cursors that come back with another request than the one they were given for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.documents import where
from omnicloud.contracts.documents.filters import All, Filter
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.core.context import ServiceInfo
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.pages import TOLD
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["Cursors"]

Pipe = Pipeline[Any]
Request = Operation[Any, Any]

_EACH = 7  # names of each who walks
_SIZE = 2
_MOST_PAGES = 40


class Cursors(Contract):
    """For contracts that tell names in pages."""

    @law(
        "G-123",
        "A cursor tells nobody what another walk was of: another tenant's, or another prefix, "
        "collection or filter; and the walk that it is of goes on.",
        rung=Rung.TRUST,
    )
    async def cursors_open_no_doors(self, world: World[Any]) -> None:
        driver, service = await world.driver(), ServiceInfo("tck")  # one client, of many callers
        walks = [
            _Walk(
                Pipeline(driver, (Scoping(tenant),), service=service, owned=False),
                self.contract,
                tenant or "",
                room,
            )
            for tenant in ("one", "two", None)
            for room in ("left", "right")
        ]
        if not walks[0].op.needs() <= walks[0].pipe.driver.features:
            return
        for walk in walks:
            await walk.filled()
        for theirs in walks if world.virtual else walks[:3]:
            begun = await theirs.begun()
            for mine in walks:
                if mine is not theirs:
                    await _goes_nowhere_else(mine, begun.cursor)
            told = TOLD[type(theirs.op)](begun)
            equal(theirs.names, told + await theirs.rest(begun.cursor), "a walk, others between")


class _Walk:
    """What one asks for, and all that there is of it."""

    def __init__(self, pipe: Pipe, contract: str, tenant: str, room: str) -> None:
        self.pipe = pipe
        self._puts, self.op = _MAKERS[contract](tenant, room)
        self.names = sorted(name for name, _ in self._puts)

    async def filled(self) -> None:
        for _, put in self._puts:
            await self.pipe.send(put)

    async def begun(self) -> Any:
        """The first page that ends with a cursor and has something on it."""
        page = await self.pipe.send(self.op)
        that(page.cursor is not None, f"{len(self.names)} names are told in a page of {_SIZE}")
        return page

    async def rest(self, cursor: str | None) -> list[str]:
        """All that is told from a cursor on."""
        found: list[str] = []
        for _ in range(_MOST_PAGES):
            op: Any = replace(self.op, cursor=cursor)  # type: ignore[type-var]  # a dataclass
            page = await self.pipe.send(op)
            found += TOLD[type(op)](page)
            cursor = page.cursor
            if cursor is None:
                return found
        that(False, f"a walk has not ended after {_MOST_PAGES} pages")
        return found


async def _goes_nowhere_else(mine: _Walk, cursor: str | None) -> None:
    """With another's cursor some of one's own is told, or it is refused."""
    try:
        found = await mine.rest(cursor)
    except OmniCloudError:
        return
    strange = sorted({*found} - {*mine.names})
    equal([], strange, f"told by {mine.op.name} that goes on from another's cursor")


Made = tuple[list[tuple[str, Request]], Request]


def _named(put: Callable[[str], Request], walk: Callable[[str], Request]) -> Any:
    def made(tenant: str, room: str) -> Made:
        names = [f"{room}/{tenant}{number}" for number in range(_EACH)]
        return [(name, put(name)) for name in names], walk(f"{room}/")

    return made


def _documents(tenant: str, room: str) -> Made:
    """Rooms are filters outside all tenants, and collections in one."""
    filter_: Filter = All() if tenant else where({"room": room})
    collection = room if tenant else "shared"
    names = [f"{room}-{tenant}-{number}" for number in range(_EACH)]
    puts: list[tuple[str, Request]] = [
        (name, documents.Insert(collection, {"_id": name, "room": room})) for name in names
    ]
    walk: Request = documents.Find(collection, filter_, limit=_SIZE)
    return puts, walk


_MAKERS: dict[str, Callable[[str, str], Made]] = {
    "kv": _named(lambda name: kv.Set(name, b"x"), lambda room: kv.Scan(room, limit=_SIZE)),
    "objects": _named(
        lambda name: objects.Put(name, b"x"), lambda room: objects.List(room, limit=_SIZE)
    ),
    "secrets": _named(
        lambda name: secrets.Set(name, b"x"), lambda room: secrets.List(room, limit=_SIZE)
    ),
    "documents": _documents,
}
