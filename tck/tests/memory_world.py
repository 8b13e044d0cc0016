"""Where the kit's own tests find the worlds in memory."""

from omnicloud_tck.reference import memory_world

__all__ = ["memory_world"]
