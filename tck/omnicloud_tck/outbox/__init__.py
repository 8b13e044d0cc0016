"""The laws of the outbox contract: what is saved, in which order, and who may publish it."""

from omnicloud_tck.outbox.contract import OutboxContract

__all__ = ["OutboxContract"]
