"""Key-value stores beside the dictionary of the contract's laws."""

from __future__ import annotations

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.codec import BYTES
from omnicloud_tck.differential.draws import flag, name, names, payload, prefix
from omnicloud_tck.differential.twins import Scene, Step, Subject, Verb, of, one_of
from omnicloud_tck.kv.model import KVModel

__all__ = ["KV_SUBJECT"]

_CAS = frozenset({KVFeature.COMPARE_AND_SET})
_BATCH = frozenset({KVFeature.BATCH})
_TTL = frozenset({KVFeature.TTL})
_LIVING = {"keep_at": "set_at", "keep_new": "create", "keep_many": "set_many"}


class _KVTwin:
    def __init__(self, scene: Scene) -> None:
        self._clients = tuple(KV(pipe, BYTES) for pipe in scene.pipes)
        self._space = scene.space
        self._model = KVModel(scene.space, scene.world.sleep)

    async def take(self, step: Step) -> None:
        verb, *rest = step
        await self._model.take((_LIVING.get(verb, verb), *rest), self._clients)

    async def end(self) -> None:
        await self._model.end(self._clients)
        for key in self._model.seen():
            await self._clients[1].delete(self._space + key)


async def _opened(scene: Scene) -> _KVTwin:
    return _KVTwin(scene)


_LIFE = one_of(3600.0, 40 * 86_400.0)

KV_SUBJECT = Subject(
    "kv",
    {
        "get": Verb(8, of(name)),
        "set": Verb(8, of(name, payload)),
        "delete": Verb(4, of(name)),
        "keep": Verb(4, of(name, payload, _LIFE), _TTL),
        "lapse": Verb(0.1, of(name, payload), _TTL),
        "set_at": Verb(4, of(name, payload, flag), _CAS),
        "create": Verb(4, of(name, payload), _CAS),
        "delete_at": Verb(3, of(name, flag), _CAS),
        "keep_at": Verb(2, of(name, payload, flag, _LIFE), _CAS | _TTL),
        "keep_new": Verb(2, of(name, payload, _LIFE), _CAS | _TTL),
        "keep_many": Verb(1, of(names, payload, _LIFE), _BATCH | _TTL),
        "set_many": Verb(2, of(names, payload), _BATCH),
        "get_many": Verb(2, of(names), _BATCH),
        "delete_many": Verb(1, of(names), _BATCH),
        "scan": Verb(2, of(prefix), frozenset({KVFeature.SCAN})),
        "increment": Verb(6, of(name, one_of(*range(-5, 6))), frozenset({KVFeature.COUNTER})),
        "move": Verb(2, of(name, name, flag), frozenset({KVFeature.TRANSACTION})),
    },
    _opened,
)
