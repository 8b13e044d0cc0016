"""The laws of the breaker contract: when a circuit opens, and how it closes again."""

from omnicloud_tck.breaker.contract import BreakerContract

__all__ = ["BreakerContract"]
