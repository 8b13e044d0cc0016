"""Shared Key signatures of requests, and service SAS of URLs.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key and
https://learn.microsoft.com/rest/api/storageservices/create-service-sas, 2026-11.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import quote, urlsplit

__all__ = ["API_VERSION", "AccountKey", "encoded", "query_of", "stamp"]

API_VERSION = "2023-11-03"
_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_ALLOWED = {"GET": "r", "HEAD": "r", "PUT": "cw", "DELETE": "d"}


@dataclass(frozen=True, slots=True)
class AccountKey:
    """An account with one of its keys."""

    account: str
    _key: bytes = field(repr=False)

    def authorization(
        self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str], size: int
    ) -> str:
        """The header that signs a request.

        Args:
            url: Encoded, without its query.
            query: Not encoded.
            headers: Named in lower case, without the body's length.
            size: Bytes of the body.
        """
        named = {**headers, "content-length": str(size or "")}
        lines = [method, *(named.get(name, "") for name in _SIGNED_HEADERS)]
        ours = sorted((name for name in named if name.startswith("x-ms-")), key=_weighed)
        lines += [f"{name}:{named[name]}" for name in ours]
        lines.append(f"/{self.account}{urlsplit(url).path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        return f"SharedKey {self.account}:{self._signature(lines)}"

    def presigned(
        self, method: str, url: str, container: str, name: str, at: float, seconds: int
    ) -> str:
        """The URL of a blob with a query that allows one method for so many seconds.

        Args:
            url: Encoded, without a query.
            name: The blob's, not encoded.
        """
        until = datetime.fromtimestamp(at + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        allowed = _ALLOWED[method]
        resource = f"/blob/{self.account}/{container}/{name}"
        unused = [""] * 7  # snapshot, encryption scope, and five headers of answers
        lines = [allowed, "", until, resource, "", "", "", API_VERSION, "b", *unused]
        query = {
            "sv": API_VERSION,
            "sr": "b",
            "sp": allowed,
            "se": until,
            "sig": self._signature(lines),
        }
        return f"{url}?{query_of(query)}"

    def _signature(self, lines: list[str]) -> str:
        digest = hmac.digest(self._key, "\n".join(lines).encode(), "sha256")
        return base64.b64encode(digest).decode()


def stamp(at: float) -> str:
    """A time as the service's headers write it."""
    return formatdate(at, usegmt=True)


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded, all but unreserved characters."""
    return quote(text, safe=safe + "-_.~")


def _weighed(name: str) -> str:
    """What the service sorts a header by: as words, in which ``_`` comes before any digit."""
    return name.replace("_", " ")


def query_of(pairs: Mapping[str, str]) -> str:
    """The pairs as a query."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs.items())
