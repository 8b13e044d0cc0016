"""Mutual exclusion between tasks, processes and machines, for a while."""

from omnicloud.contracts.locks.driver import LocksDriver
from omnicloud.contracts.locks.lock import Lock
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.contracts.locks.portable import Locks

__all__ = ["Grant", "Lock", "Locks", "LocksDriver", "LocksFeature", "LocksLimits"]
