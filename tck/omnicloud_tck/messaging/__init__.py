"""The laws of the messaging contract: what is published, delivered, and given up."""

from omnicloud_tck.messaging.contract import MessagingContract

__all__ = ["MessagingContract"]
