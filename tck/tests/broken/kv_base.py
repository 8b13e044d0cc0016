"""What broken kv drivers are made with."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud_tck.kv import KVContract


def kv(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, KVContract)
