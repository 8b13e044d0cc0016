"""Which class holds the laws of which contract."""

from __future__ import annotations

from typing import cast

from omnicloud.registry.provider import load
from omnicloud_tck.contract import Contract

__all__ = ["CONTRACTS", "contract_class"]

CONTRACTS: dict[str, str] = {
    "cache": "omnicloud_tck.cache:CacheContract",
    "locks": "omnicloud_tck.locks:LocksContract",
    "iam": "omnicloud_tck.iam:IAMContract",
    "kv": "omnicloud_tck.kv:KVContract",
    "objects": "omnicloud_tck.objects:ObjectsContract",
    "secrets": "omnicloud_tck.secrets:SecretsContract",
    "documents": "omnicloud_tck.documents:DocumentsContract",
    "messaging": "omnicloud_tck.messaging:MessagingContract",
    "outbox": "omnicloud_tck.outbox:OutboxContract",
    "breaker": "omnicloud_tck.breaker:BreakerContract",
    "sagas": "omnicloud_tck.sagas:SagaContract",
    "containers": "omnicloud_tck.containers:ContainersContract",
}
"""By contract; a new one is one line here."""


def contract_class(name: str) -> type[Contract]:
    """The class of a contract's laws."""
    return cast("type[Contract]", load(CONTRACTS[name]))
