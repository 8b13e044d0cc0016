"""The laws of the sagas contract: states with versions, leases, and what the engine needs."""

from omnicloud_tck.sagas.contract import SagaContract

__all__ = ["SagaContract"]
