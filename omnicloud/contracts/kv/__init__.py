"""Small values by name."""

from omnicloud.contracts.kv.driver import KVDriver
from omnicloud.contracts.kv.models import Change, ChangeKind, Entry, KVFeature, KVLimits
from omnicloud.contracts.kv.portable import KV

__all__ = ["KV", "Change", "ChangeKind", "Entry", "KVDriver", "KVFeature", "KVLimits"]
