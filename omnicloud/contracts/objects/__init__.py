"""Blobs by key."""

from omnicloud.contracts.objects.driver import ObjectsDriver
from omnicloud.contracts.objects.models import (
    Listed,
    Method,
    ObjectInfo,
    ObjectsFeature,
    ObjectsLimits,
)
from omnicloud.contracts.objects.portable import Objects
from omnicloud.contracts.objects.reading import ObjectReader

__all__ = [
    "Listed",
    "Method",
    "ObjectInfo",
    "ObjectReader",
    "Objects",
    "ObjectsDriver",
    "ObjectsFeature",
    "ObjectsLimits",
]
