"""The laws of the objects contract: whole objects. Uploads in parts are in ``uploads``."""

from omnicloud_tck.objects.contract import ObjectsContract

__all__ = ["ObjectsContract"]
