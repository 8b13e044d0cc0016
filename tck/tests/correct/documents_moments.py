"""What a right documents driver keeps: every state of every document, and transactions over it."""

from __future__ import annotations

import secrets
from bisect import bisect_right

from correct.apart import Apart, Backend
from omnicloud.contracts.documents.engine import unique_key
from omnicloud.contracts.documents.models import Document
from omnicloud.contracts.documents.paths import Path
from omnicloud.contracts.documents.values import decoded
from omnicloud.core.clock import Clock
from omnicloud.errors import ConflictError

__all__ = ["Indexes", "Moments", "Place", "State", "Transaction", "View"]

Place = tuple[str, str]
"""Namespace and collection."""
Indexes = dict[tuple[Path, ...], bool]
"""Whether it is unique, by paths."""

_TRANSACTION_SECONDS = 30.0


class State:
    """A document as one write left it, or that it was deleted."""

    def __init__(self, seq: int, text: bytes | None) -> None:
        self.seq, self.text = seq, text
        self.version = "" if text is None else f'{{"{secrets.token_urlsafe(36)}"}} ¶ %00é'
        self.document: Document = {} if text is None else decoded(text)
        """Only looked at; what is answered is decoded anew."""
        self._keys: dict[tuple[Path, ...], bytes | None] = {}

    def key(self, paths: tuple[Path, ...]) -> bytes | None:
        """What a unique index knows it by."""
        if paths not in self._keys:
            self._keys[paths] = unique_key(self.document, paths)
        return self._keys[paths]


class _Histories:
    """States by place and ``_id``, the oldest first, and indexes."""

    def __init__(self) -> None:
        self.states: dict[Place, dict[str, list[State]]] = {}
        self.indexes: dict[Place, Indexes] = {}

    def add(self, place: Place, identity: str, state: State) -> None:
        self.states.setdefault(place, {}).setdefault(identity, []).append(state)

    def at(self, place: Place, identity: str, seq: int) -> State | None:
        """The state after so many writes, which may be a deletion."""
        history = self.states.get(place, {}).get(identity, [])
        if history and history[-1].seq <= seq:
            return history[-1]
        found = bisect_right(history, seq, key=lambda state: state.seq)
        return history[found - 1] if found else None


class Moments(Backend):
    """What one store holds, in all its namespaces, at every moment."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.seq = 0
        self.searches = 0
        self.histories = _Histories()
        self.written: dict[Place, int] = {}
        """When a place was last written to."""

    def at(self, place: Place, identity: str, seq: int) -> State | None:
        return self.histories.at(place, identity, seq)

    def identities(self, place: Place) -> list[str]:
        return list(self.histories.states.get(place, ()))

    def indexes_of(self, place: Place) -> Indexes:
        return self.histories.indexes.get(place, {})

    def write(self, place: Place, identity: str, text: bytes | None) -> str:
        """Put a state behind those before; its version."""
        state = State(self.seq + 1, text)
        self.add(place, identity, state)
        return state.version

    def add(self, place: Place, identity: str, state: State) -> None:
        self.seq += 1
        state.seq = self.written[place] = self.seq
        self.histories.add(place, identity, state)

    def index(self, place: Place, paths: tuple[Path, ...], *, unique: bool) -> None:
        self.seq += 1
        self.written[place] = self.seq
        self.histories.indexes.setdefault(place, {})[paths] = unique


class Transaction:
    """A snapshot, and what was written over it.

    Whoever else writes to a collection that it looked into makes it conflict.
    """

    def __init__(self, client: Apart, moments: Moments) -> None:
        self._client, self._moments = client, moments
        self.seq = self._base = moments.seq
        self._expires = moments.now() + _TRANSACTION_SECONDS
        self._own = _Histories()
        self._looked: set[Place] = set()
        self._is_over = False

    @property
    def store(self) -> object:
        return self._moments

    def check_open(self) -> None:
        """Refuse what comes after its end."""
        if self._is_over or self._moments.now() >= self._expires:
            self._is_over = True
            raise ConflictError("the transaction has ended")

    async def commit(self) -> None:
        await self._client.arrive()
        self.check_open()
        self._is_over = True
        if any(self._moments.written.get(place, 0) > self._base for place in self._looked):
            raise ConflictError("another writer came meanwhile", hint="run it again")
        for place, indexes in self._own.indexes.items():
            for paths, unique in indexes.items():
                self._moments.index(place, paths, unique=unique)
        for place, held in self._own.states.items():
            for identity, history in held.items():
                self._keep(place, identity, history[-1])
        await self._client.linger()

    def _keep(self, place: Place, identity: str, state: State) -> None:
        before = self._moments.at(place, identity, self._moments.seq)
        if state.text is not None or (before is not None and before.text is not None):
            self._moments.add(place, identity, state)

    async def rollback(self) -> None:
        self._is_over = True
        await self._client.linger()

    # A view, as what it stands over is one.

    def at(self, place: Place, identity: str, seq: int) -> State | None:
        self._looked.add(place)
        own = self._own.at(place, identity, seq)
        return self._moments.at(place, identity, self._base) if own is None else own

    def identities(self, place: Place) -> list[str]:
        self._looked.add(place)
        outside, own = self._moments.identities(place), self._own.states.get(place, ())
        return list(dict.fromkeys([*outside, *own]))

    def indexes_of(self, place: Place) -> Indexes:
        self._looked.add(place)  # whoever makes one after our beginning makes us conflict
        return {**self._moments.indexes_of(place), **self._own.indexes.get(place, {})}

    def write(self, place: Place, identity: str, text: bytes | None) -> str:
        self._looked.add(place)
        self.seq += 1
        state = State(self.seq, text)
        self._own.add(place, identity, state)
        return state.version

    def index(self, place: Place, paths: tuple[Path, ...], *, unique: bool) -> None:
        self._looked.add(place)
        self._own.indexes.setdefault(place, {})[paths] = unique


View = Moments | Transaction
