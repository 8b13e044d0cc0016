"""Where the tests of the embedded default find their worlds."""

from omnicloud_local.certify import Alone, local_world

__all__ = ["Alone", "local_world"]
