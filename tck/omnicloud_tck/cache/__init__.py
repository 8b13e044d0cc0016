"""The laws of the cache contract: what is got, and what is never got again."""

from omnicloud_tck.cache.contract import CacheContract

__all__ = ["CacheContract"]
