"""The laws of the kv contract."""

from omnicloud_tck.kv.contract import KVContract

__all__ = ["KVContract"]
