"""Drivers that join a service's name, or the parts of a question or a key, and tell none apart."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.paths import MISSING, at
from omnicloud.contracts.documents.values import encoded
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Decision
from omnicloud.errors import AlreadyExistsError
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.iam import IAMContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract


def joined(base: type, field: str, seam: str) -> type:
    """A driver whose services share a store in which a name is the service's, a seam and it."""

    def __init__(self: Any, store: MemoryStore, namespace: str = "", **more: Any) -> None:
        base.__init__(self, store, "", **more)  # type: ignore[misc]
        self._service = namespace

    def verb_of(right: Callable[..., Any]) -> Callable[..., Any]:
        async def wrong(self: Any, op: Any, /) -> Any:
            if hasattr(op, field):
                name = f"{self._service}{seam}{getattr(op, field)}"
                op = dataclasses.replace(op, **{field: name})
            return await right(self, op)

        return wrong

    def within(self: Any, transaction: Any, /) -> Any:
        return type(self)(self._store, self._service, transaction=self._store.joined(transaction))

    verbs: dict[str, Any] = {
        name: verb_of(verb)
        for name, verb in vars(base).items()
        if inspect.iscoroutinefunction(verb) and len(inspect.signature(verb).parameters) == 2
    }
    if hasattr(base, "within"):
        verbs["within"] = within
    return type(f"Joined{base.__name__}", (base,), {"__init__": __init__, **verbs})


_JOINED: tuple[tuple[str, type[Contract], type, str, str], ...] = (
    ("LO-04", LocksContract, MemoryLocks, "lock", "/"),
    ("LO-05", LocksContract, MemoryLocks, "lock", ""),
    ("BR-01", BreakerContract, MemoryBreaker, "circuit", ":"),
    ("BR-02", BreakerContract, MemoryBreaker, "circuit", "."),
    ("SA-09", SagaContract, MemorySagas, "space", "-"),
    ("SA-10", SagaContract, MemorySagas, "space", ":"),
    ("OX-13", OutboxContract, MemoryOutbox, "space", "|"),
)
for _id, _contract, _base, _field, _seam in _JOINED:
    _about = f"a service's name is before its {_field}'s, with {_seam!r} between"
    broken(f"BLIND13-{_id}", "T4", _about, _contract)(joined(_base, _field, _seam))


class _Below(MutableMapping[str, Any]):
    """Those of a bucket whose names begin so."""

    def __init__(self, rows: dict[str, Any], beginning: str) -> None:
        self._rows, self._beginning = rows, beginning

    def __getitem__(self, key: str) -> Any:
        return self._rows[self._beginning + key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._rows[self._beginning + key] = value

    def __delitem__(self, key: str) -> None:
        del self._rows[self._beginning + key]

    def __iter__(self) -> Iterator[str]:
        length = len(self._beginning)
        return iter([key[length:] for key in self._rows if key.startswith(self._beginning)])

    def __len__(self) -> int:
        return len(list(iter(self)))


class _OneBucket(MemoryObjects):
    seam = ""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._beginning = f"{namespace}{self.seam}"

    def _rows(self) -> Any:
        return _Below(self._store.rows(("objects", "one bucket")), self._beginning)


@broken("BLIND13-OB-04", "T4", "a service is a folder of a bucket", ObjectsContract)
class ServiceIsAFolder(_OneBucket):
    seam = "/"


@broken("BLIND13-OB-05", "T4", "a service is a beginning of names in a bucket", ObjectsContract)
class ServiceIsABeginning(_OneBucket):
    seam = "-"


class _Remembering(MemoryIAM):
    """Remembers the answers to questions by a text, as long as the rules are the same."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._answers: dict[object, Decision] = {}
        self._rules: object = None

    def _key(self, access: Access) -> object:
        return (access.principal, access.action, access.resource, self._rest(access))

    def _rest(self, access: Access) -> object:
        tags = tuple(sorted(access.tags.items()))
        return (access.groups, access.tenant, access.region, tags, access.at)

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        rules = self._policies()
        if rules is not self._rules:
            self._rules, self._answers = rules, {}
        key = self._key(op.access)
        if key not in self._answers:
            self._answers[key] = evaluate(rules, op.access)
        return self._answers[key]


@broken("BLIND13-IAM-01", "T2", "answers are remembered by groups with commas", IAMContract)
class GroupsWithCommas(_Remembering):
    def _rest(self, access: Access) -> object:
        tags = tuple(sorted(access.tags.items()))
        groups = ",".join(sorted(access.groups))
        return (groups, access.tenant, access.region, tags, access.at)


@broken("BLIND13-IAM-02", "T2", "answers are remembered by a question in a line", IAMContract)
class PartsWithBars(_Remembering):
    def _key(self, access: Access) -> object:
        line = "|".join((access.principal, access.action, access.resource))
        return (line, self._rest(access))


@broken("BLIND13-IAM-03", "T2", "answers are remembered by tags as in an address", IAMContract)
class TagsAsInAnAddress(_Remembering):
    def _rest(self, access: Access) -> object:
        tags = "&".join(f"{name}={value}" for name, value in sorted(access.tags.items()))
        return (access.groups, access.tenant, access.region, tags, access.at)


@broken("BLIND13-IAM-04", "T2", "answers are remembered by a place in a line", IAMContract)
class PlaceWithSlashes(_Remembering):
    def _rest(self, access: Access) -> object:
        tags = tuple(sorted(access.tags.items()))
        return (access.groups, f"{access.tenant}/{access.region}", tags, access.at)


def _together(seam: str, text: Callable[[Any], str]) -> type[MemoryDocuments]:
    """Looks for what a unique index of several fields has under a joined key."""

    class Together(MemoryDocuments):
        def within(self, transaction: Any, /) -> Any:
            inside = self._store.joined(transaction)
            return Together(self._store, self._namespace, transaction=inside)

        def _check_unique(self, collection: str, document: dict[str, Any]) -> None:
            super()._check_unique(collection, document)
            for paths, unique in self._indexes(collection).items():
                if unique and len(paths) > 1 and (mine := self._key(document, paths)):
                    for other in self._rows(collection).values():
                        same = other.document["_id"] == document["_id"]
                        if not same and self._key(other.document, paths) == mine:
                            raise AlreadyExistsError("a document has these values")

        def _key(self, document: dict[str, Any], paths: Any) -> str | None:
            values = [at(document, path) for path in paths]
            return None if MISSING in values else seam.join(map(text, values))

    return Together


def _raw(value: Any) -> str:
    return value if isinstance(value, str) else f"#{encoded(value).decode()}"


for _id, _seam, _text in (
    ("01", ":", _raw),
    ("02", "\0", _raw),
    ("03", "", _raw),
    ("04", "/", str),
):
    _about = f"a unique index of several fields joins values with {_seam!r}"
    broken(f"BLIND13-DO-{_id}", "T1", _about, DocumentsContract)(_together(_seam, _text))
