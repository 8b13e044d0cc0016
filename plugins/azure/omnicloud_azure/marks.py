"""The mark of an upload in parts: a blob that says what it will be, and whose turn it is.

Who completes the upload writes the mark anew, then the blob ``whole``, and copies that to its key
if mark and ``whole`` are still those: so of several completions one is done, and none of an upload
that was aborted. The copy says which upload it was, so that who finds the mark of a completion that
did not end, or whose answer was lost, learns whether it was done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud.core.http import Answer
from omnicloud.errors import UnavailableError
from omnicloud_azure.facts import OF_UPLOAD, version_of

__all__ = ["Mark", "is_of", "marking"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A version of an upload's mark.

    Attributes:
        body: As it was written.
        is_tried: Whether somebody began to complete the upload and was not seen to end.
    """

    upload_id: str
    etag: str
    body: bytes
    is_tried: bool

    @classmethod
    def read(cls, upload_id: str, answer: Answer) -> Mark:
        """The mark that the service tells."""
        headers = answer.headers
        return cls(upload_id, version_of(headers), answer.body, is_of(upload_id, headers))

    @property
    def will_be(self) -> dict[str, Any]:
        """What the object will be."""
        try:
            told: dict[str, Any] = json.loads(self.body)
        except ValueError as error:
            raise UnavailableError("the service's answer is not what was written") from error
        return told


def marking(upload_id: str) -> dict[str, str]:
    """The headers of a blob that is of this upload."""
    return {OF_UPLOAD: upload_id.partition("-")[0]}


def is_of(upload_id: str, headers: Mapping[str, str]) -> bool:
    """Whether the headers of an answer tell of a blob that is of this upload."""
    return headers.get(OF_UPLOAD) == marking(upload_id)[OF_UPLOAD]
