"""Drivers whose declaration of features is wrong, for every contract."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from memory_world import memory_world
from omnicloud.core.operation import Feature
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.declarations import REQUESTS

_DRIVERS: dict[str, Any] = {
    "breaker": MemoryBreaker,
    "cache": MemoryCache,
    "containers": MemoryContainers,
    "documents": MemoryDocuments,
    "iam": MemoryIAM,
    "kv": MemoryKV,
    "locks": MemoryLocks,
    "messaging": MemoryMessaging,
    "objects": MemoryObjects,
    "outbox": MemoryOutbox,
    "sagas": MemorySagas,
    "secrets": MemorySecrets,
}


class _Invented(Feature):
    TELEPATHY = "telepathy"


class _Agreeing(frozenset[Feature]):
    """Says that it holds whatever it is asked for."""

    def issuperset(self, other: object, /) -> bool:
        return True


def _declared(self: Any, base: Any) -> frozenset[Feature]:
    features: frozenset[Feature] = base.features.fget(self)
    return features


def _enter(contract: str, base: Any) -> None:
    def forgetful(self: Any) -> frozenset[Feature]:
        looks = self.__dict__["_wrong_looks"] = self.__dict__.get("_wrong_looks", 0) + 1
        declared = _declared(self, base)
        return declared if looks < 2 else declared - {min(declared)}

    wrong = {
        ("1", "declares a feature that the contract does not know"): lambda self: (
            _declared(self, base) | {_Invented.TELEPATHY}
        ),
        ("2", "declares nothing in particular and lets everything through"): lambda self: _Agreeing(
            [min(_declared(self, base))]
        ),
        ("3", "forgets a feature after the first look"): forgetful,
    }
    for (number, summary), features in wrong.items():
        kind = type(f"Declares{number}", (base,), {"features": property(features)})
        broken(f"DECL-{contract}-{number}", "T0", summary, contract_class(contract), memory_world)(
            kind
        )


for _contract in REQUESTS:
    _enter(_contract, _DRIVERS[_contract])
