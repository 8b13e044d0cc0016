"""The laws of the documents contract; those about several writers are in ``documents_more``."""

from omnicloud_tck.documents.contract import DocumentsContract

__all__ = ["DocumentsContract"]
