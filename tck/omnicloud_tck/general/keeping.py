"""How something is kept under a name, whichever the contract: a payload, a lock, a circuit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from omnicloud.contracts.breaker import driver as breaker
from omnicloud.contracts.documents import Documents, where
from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.locks import driver as locks
from omnicloud.contracts.outbox import driver as outbox
from omnicloud.contracts.outbox.models import EventStatus, NewEvent
from omnicloud.contracts.sagas import driver as sagas
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.circuit import CircuitSettings, CircuitState, Verdict
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import Broken, that
from omnicloud_tck.contract import Contract

__all__ = ["Keeper", "keeper_of"]

Pipe = Pipeline[Any]

_LONG = 300.0


class Keeper(Protocol):
    """Keeps something under a name that can be known again by its mark."""

    async def keep(self, pipe: Pipe, name: str, mark: str) -> None: ...
    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        """Whether it is there; something else that is there breaks the law."""

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None: ...


def keeper_of(contract: Contract) -> Keeper:
    """How a contract keeps; the names are the outermost that a service gives."""
    made = _KEEPERS.get(contract.contract)
    return _Payloads(contract) if made is None else made()


def _known(found: list[str], mark: str) -> bool:
    that(found in ([], [mark]), f"what another kept is there, beside {mark}, or in its place")
    return bool(found)


class _Payloads:
    def __init__(self, contract: Any) -> None:
        self._contract = contract

    async def keep(self, pipe: Pipe, name: str, mark: str) -> None:
        await self._contract.put(pipe, name, mark.encode())

    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        found = await self._contract.take(pipe, name)
        there = _known([] if found is None else [found.decode()], mark)
        listed = await self._contract.names(pipe)
        that(listed in (None, {name} if there else set()), f"names of others beside {mark}")
        return there

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None:
        await self._contract.remove(pipe, name)


class _Events:
    async def keep(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(outbox.Save(name, NewEvent("e", "t", mark.encode(), None, "a")))

    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        found = await pipe.send(outbox.ListEvents(name, EventStatus.PENDING, "a"))
        return _known([event.payload.decode() for event in found], mark)

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(outbox.Mark(name, ("e",)))


class _Sagas:
    async def keep(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(sagas.Create(name, SagaRecord("s", mark, None, (), b"{}", 0)))

    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        found = await pipe.send(sagas.Get(name, "s"))
        return _known([found.status] if found and found.status else [], mark)

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None:
        found = await pipe.send(sagas.Get(name, "s"))
        if found is not None:
            await pipe.send(sagas.Update(name, replace(found, status="")))


class _Documents:
    async def keep(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(documents.Insert(name, {"_id": "d", "mark": mark}))

    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        found = [entry.document["mark"] async for entry in Documents(pipe).iterate(name)]
        return _known(found, mark)

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(documents.Delete(name, where({"_id": "d"})))


class _Locks:
    async def keep(self, pipe: Pipe, name: str, mark: str) -> None:
        grant = await pipe.send(locks.Acquire(name, mark, _LONG))
        that(grant is not None, f"a lock is held by another, of {mark}")

    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        held: bool = await pipe.send(locks.Renew(name, mark, _LONG))
        return held

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(locks.Release(name, mark))


class _Circuits:
    _settings = CircuitSettings(failure_threshold=1, reset_timeout=_LONG)

    async def keep(self, pipe: Pipe, name: str, mark: str) -> None:
        admitted = await pipe.send(breaker.Admit(name, self._settings, mark))
        permit = admitted.permit
        if permit is None:
            raise Broken(f"a circuit is open by another's failure, of {mark}")
        await pipe.send(breaker.Report(name, self._settings, permit, Verdict.FAILURE, 0.1))

    async def is_there(self, pipe: Pipe, name: str, mark: str) -> bool:
        found = await pipe.send(breaker.Look(name, self._settings))
        return bool(found.state is CircuitState.OPEN)

    async def drop(self, pipe: Pipe, name: str, mark: str) -> None:
        await pipe.send(breaker.Reset(name, self._settings))


_KEEPERS: dict[str, type[Keeper]] = {
    "outbox": _Events,
    "sagas": _Sagas,
    "documents": _Documents,
    "locks": _Locks,
    "breaker": _Circuits,
}
