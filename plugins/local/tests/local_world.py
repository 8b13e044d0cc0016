"""Where the tests of the embedded default find their worlds."""

from omnicloud_local.certify import local_world

__all__ = ["local_world"]
