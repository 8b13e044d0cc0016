"""The laws of the locks contract as handles show them; those of grants are beside it."""

from omnicloud_tck.locks.contract import LocksContract

__all__ = ["LocksContract"]
