"""The mark of an upload in parts: an empty object that says whose turn it is to complete it.

It is kept like the object that the upload will become, whose content type and facts it has. Who
completes the upload writes the mark anew, and then composes the object of this generation of the
mark, which adds nothing, and of the parts: so an upload that another has taken over meanwhile, or
aborted, becomes no object. The object says which upload it was, so that who finds the mark of a
completion that did not end, or whose answer was lost, learns whether it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud_gcs.resources import OF_UPLOAD, version_of

__all__ = ["Mark", "is_of", "marked"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A generation of an upload's mark.

    Attributes:
        will_be: The resource of the mark, and, but for its checksum, of the object.
        is_tried: Whether somebody began to complete the upload and was not seen to end.
    """

    upload_id: str
    generation: str
    will_be: Mapping[str, Any]
    is_tried: bool

    @classmethod
    def read(cls, upload_id: str, resource: Mapping[str, Any]) -> Mark:
        """The mark that the service tells of."""
        return cls(upload_id, version_of(resource), resource, is_of(upload_id, resource))

    @property
    def content_type(self) -> str:
        """That of the object."""
        return str(self.will_be.get("contentType", "application/octet-stream"))

    def resource(self, *, tried: bool) -> dict[str, Any]:
        """What to tell the service of the mark, written anew."""
        metadata = {**(self.will_be.get("metadata") or {})}
        metadata.pop(OF_UPLOAD, None)
        resource = {"contentType": self.content_type, "metadata": metadata}
        return marked(self.upload_id, resource) if tried else resource


def marked(upload_id: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource, which says of which upload it is."""
    return {**resource, "metadata": {**resource["metadata"], OF_UPLOAD: _short(upload_id)}}


def is_of(upload_id: str, resource: Mapping[str, Any]) -> bool:
    """Whether a resource says that it is of this upload."""
    found: Mapping[str, Any] = resource.get("metadata") or {}
    return found.get(OF_UPLOAD) == _short(upload_id)


def _short(upload_id: str) -> str:
    return upload_id.partition("-")[0]
