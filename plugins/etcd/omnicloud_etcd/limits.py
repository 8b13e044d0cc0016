"""What the members' settings leave for keys and values."""

from __future__ import annotations

from omnicloud.contracts.kv.models import KVLimits
from omnicloud_etcd.config import EtcdConfig

__all__ = ["limits_of"]

_AROUND_ITEM = 96
"""Bytes of a request, at most, for one key beside its name and value: the fields of a put, what
stands in front of a value (``records``), and the condition that a transaction has on it."""
_AROUND_ALL = 4096


def limits_of(config: EtcdConfig, prefix: bytes) -> KVLimits:
    """The bounds of a service whose keys start with ``prefix``.

    The members bound a request as a whole. What stands around keys and values has to fit as
    well, however many they are: it gets half of the request at most.
    """
    around = _AROUND_ITEM + 2 * len(prefix)
    items = min(config.max_txn_ops, config.max_request_bytes // 2 // around)
    return KVLimits(
        value_max_bytes=config.value_max_bytes,
        batch_max_items=items,
        batch_max_bytes=config.max_request_bytes - items * around - _AROUND_ALL,
        transaction_max_keys=items,
    )
