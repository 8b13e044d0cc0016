"""The contracts, each in a room of its own; the rooms do not know each other.

Adding a contract adds a room and one line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

__all__ = ["CONTRACTS", "ContractSpec"]


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """Where a contract's parts are; strings, so that listing contracts imports none.

    Attributes:
        name: ``"kv"``; also the room, ``omnicloud.contracts.kv``.
        portable: Name of the class users hold.
        driver: Name of the driver protocol.
        features: Name of the feature enum.
    """

    name: str
    portable: str
    driver: str
    features: str

    def load(self, attribute: str) -> object:
        """An attribute of the contract's room, by name."""
        return getattr(import_module(f"{__name__}.{self.name}"), attribute)


CONTRACTS: dict[str, ContractSpec] = {
    spec.name: spec
    for spec in (
        ContractSpec("kv", "KV", "KVDriver", "KVFeature"),
        ContractSpec("cache", "Cache", "CacheDriver", "CacheFeature"),
        ContractSpec("locks", "Locks", "LocksDriver", "LocksFeature"),
        ContractSpec("breaker", "Breaker", "BreakerDriver", "BreakerFeature"),
        ContractSpec("iam", "IAM", "IAMDriver", "IAMFeature"),
        ContractSpec("secrets", "Secrets", "SecretsDriver", "SecretsFeature"),
        ContractSpec("messaging", "Messaging", "MessagingDriver", "MessagingFeature"),
        ContractSpec("outbox", "Outbox", "OutboxDriver", "OutboxFeature"),
        ContractSpec("sagas", "SagaStates", "SagaDriver", "SagaFeature"),
        ContractSpec("objects", "Objects", "ObjectsDriver", "ObjectsFeature"),
        ContractSpec("documents", "Documents", "DocumentsDriver", "DocumentsFeature"),
        ContractSpec("containers", "Containers", "ContainersDriver", "ContainersFeature"),
    )
}
