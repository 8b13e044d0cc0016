"""Document stores beside a dictionary and a second reading of the filter language."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import Broken, equal
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.chances import Verb, of, one_of
from omnicloud_tck.programs.model import Failed
from omnicloud_tck.programs.rushing import MANY, rushed, so_many
from omnicloud_tck.programs.spelling import any_name
from omnicloud_tck.programs.twins import Twins, outcome
from omnicloud_tck.subjects import document_draws as draws
from omnicloud_tck.subjects.collection import CONFLICT, Made
from omnicloud_tck.subjects.document_reading import DocumentReading
from omnicloud_tck.subjects.document_rushes import DocumentRushes
from omnicloud_tck.subjects.documents_meeting import DOCUMENTS_MEETING
from omnicloud_tck.subjects.plain import Plain, apart

__all__ = ["DOCUMENTS_SUBJECT"]

_ATTEMPTS, _PAUSE = 20, 0.1
_OPEN_SECONDS = 2.0  # for which any store lets a transaction be open
_FEW = 2  # of what is many, over a real backend


class _Undone(Exception):  # noqa: N818 - thrown to take a transaction back
    """Nothing of it shall stay."""


class _DocumentsTwin(DocumentRushes):
    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.space, {})
        self._scene = scene
        self.most = self.most if scene.world.virtual else _FEW
        one, two = (Documents(pipe) for pipe in scene.pipes)
        self._clients = one, two

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        made = await getattr(self, verb)(self._clients[client], *apart(rest))
        if isinstance(made, Failed):
            places = self.rooms if verb == "together" else rest[:1]
            await self.whole(self._clients[1 - client], places)

    async def end(self) -> None:
        await self.whole(self._clients[0], self.rooms)
        for place, room in self.rooms.items():
            for id_ in sorted(room.rows)[: self.most]:
                deleted = await self._clients[1].delete_one(self._space + place, {"_id": id_})
                equal(True, deleted, f"the end of {id_!r}")

    async def index(
        self, documents: Documents, place: str, fields: tuple[str, ...], unique: bool
    ) -> Made:
        room = self._room(place)
        possible = room.indexable(fields, unique)
        got = await outcome(documents.create_index(self._space + place, fields, unique=unique))
        equal(None if possible else CONFLICT, got, f"an index of {fields!r}")
        if not possible:
            return CONFLICT
        room.indexes[fields] = unique
        return None

    async def rest(self, _: Documents, seconds: float) -> None:
        """Let time pass, where that costs none."""
        if self._scene.world.virtual:
            await self._scene.world.sleep(seconds)

    async def spelt(
        self, documents: Documents, place: str, id_: str, more: Plain, seconds: float
    ) -> None:
        """Every verb about a collection, and a document, of any names, with rests between."""
        other = next(client for client in self._clients if client is not documents)
        virtual, features = self._scene.world.virtual, self._scene.features
        if virtual and DocumentsFeature.INDEX in features and place not in self.rooms:
            await self.index(documents, place, ("n",), True)
            await self.rest(documents, seconds)
            await self.index(documents, place, ("o", "n"), True)
        clients = itertools.cycle((documents, other))

        async def ask(verb: Callable[..., Awaitable[object]], *what: Any) -> None:
            await self.rest(documents, seconds)
            await verb(next(clients), *what)

        await self.every(ask, place, id_, more)

    async def rush(self, _: Documents, place: str, count: int) -> None:
        """Many calls of every verb at once."""
        virtual, features = self._scene.world.virtual, self._scene.features
        many = so_many(count, virtual)
        await self.many(*self._clients, place, many)
        if virtual and DocumentsFeature.INDEX in features:
            await rushed(
                self.index(self._clients[number % 2], f"{place}&{number}", ("n",), True)
                for number in range(many)
            )

    async def together(
        self, documents: Documents, steps: list[tuple[Any, ...]], keep: bool, looks: bool
    ) -> Made:
        """Several operations in a transaction; undone unless ``keep``, or where one is refused."""
        clock, said, began = self._scene.world.clock, "", 0.0
        for attempt in range(_ATTEMPTS):
            await self.rest(documents, attempt * _PAUSE)  # a store may let one writer at a time
            began = clock.monotonic()
            inside = DocumentReading(
                self._space, {place: room.copy() for place, room in self.rooms.items()}
            )
            try:
                await self._within(documents, inside, steps, keep=keep, looks=looks)
            except _Undone:
                return CONFLICT  # so that all is looked at
            except (ConflictError, AlreadyExistsError) as error:  # another one's was first
                said = str(error)
                continue
            self.rooms = inside.rooms
            return CONFLICT
        if not self._scene.world.virtual or clock.monotonic() - began > _OPEN_SECONDS:
            return CONFLICT  # on a busy machine the others may always be first
        raise Broken(f"a transaction conflicted {_ATTEMPTS} times: {said}")

    async def _within(
        self,
        documents: Documents,
        inside: DocumentReading,
        steps: list[tuple[Any, ...]],
        *,
        keep: bool,
        looks: bool,
    ) -> None:
        async with documents.transaction() as store:
            for verb, *rest in apart(steps):
                made = await getattr(inside, verb)(store, *rest)
                if isinstance(made, Failed):
                    raise _Undone
                if looks:
                    await self.whole(self._clients[0], self.rooms)
            if not keep:
                raise _Undone


_RESTS = (100.0, 7200.0, 90_000.0, 31 * 86_400.0)
_REST = one_of(0.0, 0.0, *_RESTS[:3])
_FLAG, _NO = one_of(True, False), one_of(False)
_LIMIT = one_of(None, None, 0, 1, 3, 1001)
_IN = draws.collection
_CAS = frozenset({DocumentsFeature.COMPARE_AND_SET})
_TRANSACTION = frozenset({DocumentsFeature.TRANSACTION})
_INDEX = frozenset({DocumentsFeature.INDEX})
_CHANGES = one_of("current", "stale", "other", "never")

DOCUMENTS_SUBJECT = Twins(
    "documents",
    {
        "insert": Verb(12, of(_IN, draws.identity, draws.document)),
        "insert_new": Verb(1, of(_IN, draws.document)),
        "find": Verb(8, of(_IN, draws.filter_of, draws.order, _LIMIT)),
        "one": Verb(3, of(_IN, draws.filter_of, draws.order)),
        "entry": Verb(3, of(_IN, draws.filter_of, draws.order)),
        "pages": Verb(3, of(_IN, draws.filter_of, draws.order, draws.size)),
        "torn": Verb(
            1.5, of(_IN, draws.filter_of, draws.order, one_of(1, 1, 2, 3), draws.identity)
        ),
        "count": Verb(3, of(_IN, draws.filter_of)),
        "update": Verb(5, of(_IN, draws.condition, draws.update, _NO, one_of(""))),
        "replace": Verb(3, of(_IN, draws.condition, draws.document, _NO, one_of(""))),
        "upsert": Verb(3, of(_IN, draws.upsertable, draws.update, one_of(True), one_of(""))),
        "put": Verb(3, of(_IN, draws.upsertable, draws.document, one_of(True), one_of(""))),
        "delete": Verb(3, of(_IN, draws.condition, one_of(""))),
        "update_at": Verb(3, of(_IN, draws.condition, draws.update, _NO, _CHANGES), _CAS),
        "replace_at": Verb(2, of(_IN, draws.condition, draws.document, _NO, _CHANGES), _CAS),
        "delete_at": Verb(2, of(_IN, draws.condition, _CHANGES), _CAS),
        "index": Verb(1.5, of(_IN, draws.fields, _FLAG), _INDEX),
        "together": Verb(3, of(draws.together, _FLAG, _FLAG), _TRANSACTION),
        "asked": Verb(0.25, of(_IN, draws.kin, draws.path)),
        "bound": Verb(0.2, of(_IN, draws.kin, draws.path), _INDEX),
        "changes": Verb(0.5, of(_IN, draws.kin, draws.path)),
        "told": Verb(2, of(_IN, draws.identity, draws.document)),
        "spelt": Verb(2.5, of(any_name, any_name, draws.wide, _REST)),
        "rush": Verb(0.2, of(_IN, one_of(*MANY))),
        "rest": Verb(1.2, of(one_of(*_RESTS))),
    },
    _DocumentsTwin,
    grows=frozenset({"document_max_bytes"}),
    meeting=DOCUMENTS_MEETING,
    stepped=True,
)
