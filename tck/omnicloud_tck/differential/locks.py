"""Locks beside sets of holders; every life is long, so that only a release ends a grant."""

from __future__ import annotations

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, LocksDriver, Release, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.differential.twins import Scene, Step, Subject, Verb, of, one_of

__all__ = ["LOCKS_SUBJECT"]

_OWNERS = ("one", "two", "three", "é")
_LIFE = 600.0
_LAPSE, _GONE = 0.05, 0.3
_PERMITS = {"x": 1, "X": 1, "x/y": 1, "": 1, "é": 1, "pair": 2, "trio": 3}


class _LocksTwin:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._holders: dict[str, set[str]] = {name: set() for name in _PERMITS}
        self._tokens: dict[tuple[str, str], int | None] = {}
        self._last: dict[str, int] = {}

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        await getattr(self, verb)(self._scene.pipes[client], *rest)

    async def end(self) -> None:
        for name, holders in self._holders.items():
            for owner in _OWNERS:
                await self.renew(self._scene.pipes[0], name, owner)
            for owner in sorted(holders):
                await self.release(self._scene.pipes[1], name, owner)

    def _name(self, name: str) -> str:
        return f"{self._scene.space}/{name}"

    async def acquire(self, pipe: Pipeline[LocksDriver], name: str, owner: str) -> None:
        grant = await self._ask(pipe, name, owner, _LIFE)
        holders = self._holders[name]
        granted = owner in holders or len(holders) < _PERMITS[name]
        equal(granted, grant is not None, f"{owner} acquiring {name!r}")
        if grant is not None:
            self._granted(name, owner, grant)

    async def share(self, pipe: Pipeline[LocksDriver], name: str, owner: str) -> None:
        await self.acquire(pipe, name, owner)

    async def _ask(
        self, pipe: Pipeline[LocksDriver], name: str, owner: str, life: float
    ) -> Grant | None:
        return await pipe.send(Acquire(self._name(name), owner, life, _PERMITS[name]))

    def _granted(self, name: str, owner: str, grant: Grant) -> None:
        fencing = LocksFeature.FENCING in self._scene.features
        equal(fencing, grant.token is not None, f"a token of {name!r}")
        if owner in self._holders[name]:
            equal(self._tokens[name, owner], grant.token, f"the token of {name!r}, asked again")
        elif grant.token is not None:
            larger = grant.token > self._last.get(name, -1)
            that(larger, f"a token of {name!r} is no larger than one before it")
            self._last[name] = grant.token
        self._tokens[name, owner] = grant.token
        self._holders[name].add(owner)

    async def renew(self, pipe: Pipeline[LocksDriver], name: str, owner: str) -> None:
        renewed = await pipe.send(Renew(self._name(name), owner, _LIFE))
        equal(owner in self._holders[name], renewed, f"{owner} renewing {name!r}")

    async def release(self, pipe: Pipeline[LocksDriver], name: str, owner: str) -> None:
        await pipe.send(Release(self._name(name), owner))
        self._holders[name].discard(owner)

    async def lapse(self, pipe: Pipeline[LocksDriver], name: str, owner: str) -> None:
        grant = await self._ask(pipe, name, owner, _LAPSE)
        if grant is not None:
            self._granted(name, owner, grant)
            await self._scene.world.sleep(_GONE)
            self._holders[name].discard(owner)


async def _opened(scene: Scene) -> _LocksTwin:
    return _LocksTwin(scene)


_OWNER, _ANY = one_of(*_OWNERS), one_of(*_PERMITS)
_LOCK = one_of(*(name for name, permits in _PERMITS.items() if permits == 1))
_SEMAPHORE = one_of(*(name for name, permits in _PERMITS.items() if permits > 1))

LOCKS_SUBJECT = Subject(
    "locks",
    {
        "acquire": Verb(8, of(_LOCK, _OWNER)),
        "share": Verb(6, of(_SEMAPHORE, _OWNER), frozenset({LocksFeature.PERMITS})),
        "renew": Verb(5, of(_ANY, _OWNER)),
        "release": Verb(6, of(_ANY, _OWNER)),
        "lapse": Verb(0.1, of(_LOCK, _OWNER)),
    },
    _opened,
)
