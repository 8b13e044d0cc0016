"""Documents in collections, found by what is in them."""

from omnicloud.contracts.documents.driver import DocumentsDriver
from omnicloud.contracts.documents.filters import Filter, literal, where
from omnicloud.contracts.documents.models import (
    Document,
    DocumentEntry,
    DocumentsFeature,
    DocumentsLimits,
    UpdateResult,
)
from omnicloud.contracts.documents.portable import Documents

__all__ = [
    "Document",
    "DocumentEntry",
    "Documents",
    "DocumentsDriver",
    "DocumentsFeature",
    "DocumentsLimits",
    "Filter",
    "UpdateResult",
    "literal",
    "where",
]
