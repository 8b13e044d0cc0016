"""Objects of any provider as a filesystem of fsspec: ``omni://service/key``."""

from omnicloud_fsspec.filesystem import OmniFileSystem

__all__ = ["OmniFileSystem"]
