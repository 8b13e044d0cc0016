"""Values that may be lost, kept near for a while."""

from omnicloud.contracts.cache.driver import CacheDriver
from omnicloud.contracts.cache.models import CacheFeature, CacheLimits, CacheStatistics
from omnicloud.contracts.cache.portable import Cache

__all__ = ["Cache", "CacheDriver", "CacheFeature", "CacheLimits", "CacheStatistics"]
