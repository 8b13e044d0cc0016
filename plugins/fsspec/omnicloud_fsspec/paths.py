"""Paths of the filesystem: the service, a slash, the key."""

from __future__ import annotations

__all__ = ["inside", "joined", "split"]


def split(path: str) -> tuple[str, str]:
    """The service and the key of a path; both may be empty."""
    service, _, key = path.partition("/")
    return service, key


def joined(service: str, key: str) -> str:
    """The path of a key."""
    return f"{service}/{key}"


def inside(key: str) -> str:
    """What the keys inside a directory begin with."""
    return f"{key}/" if key else ""
