"""Signature Version 4, over headers and over URLs.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, 2026-11.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

__all__ = ["EMPTY_SHA256", "UNSIGNED", "Keys", "encoded", "presigned", "query_of", "signed"]

EMPTY_SHA256 = sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials at one moment.

    Attributes:
        until: When they end, in seconds since 1970-01-01 UTC, where that is known.
    """

    access: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    until: float | None = None


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded as the signature wants it."""
    return quote(text, safe=safe + "-_.~")


def query_of(pairs: Mapping[str, str]) -> str:
    """A query in the one order in which it is signed."""
    return "&".join(sorted(f"{encoded(name)}={encoded(value)}" for name, value in pairs.items()))


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    payload: str,
    keys: Keys,
    region: str,
    at: float,
) -> dict[str, str]:
    """The headers with those that sign them.

    Args:
        url: Encoded, with its query.
        headers: Named in lower case.
        payload: SHA-256 of the body in hex, or :data:`UNSIGNED`.
        at: Seconds since 1970-01-01 UTC.
    """
    parts = urlsplit(url)
    stamp = _stamp(at)
    sent = {**headers, "host": parts.netloc, "x-amz-date": stamp, "x-amz-content-sha256": payload}
    if keys.token is not None:
        sent["x-amz-security-token"] = keys.token
    names = ";".join(sorted(sent))
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    lines = "".join(f"{name}:{_collapsed(sent[name])}\n" for name in sorted(sent))
    asked = f"{method}\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{payload}"
    signature = _signature(asked, stamp, scope, keys.secret, region)
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={keys.access}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return sent


def presigned(method: str, url: str, keys: Keys, region: str, at: float, seconds: int) -> str:
    """The URL, which has no query yet, with one that allows ``method`` for so many seconds."""
    parts = urlsplit(url)
    stamp = _stamp(at)
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    pairs = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token is not None:
        pairs["X-Amz-Security-Token"] = keys.token
    query = query_of(pairs)
    asked = f"{method}\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\n{UNSIGNED}"
    signature = _signature(asked, stamp, scope, keys.secret, region)
    return f"{url}?{query}&X-Amz-Signature={signature}"


def _signature(asked: str, stamp: str, scope: str, secret: str, region: str) -> str:
    digest = sha256(asked.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    return hmac.new(_key(secret, stamp[:8], region), text.encode(), sha256).hexdigest()


@lru_cache(maxsize=16)
def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _stamp(at: float) -> str:
    return _stamp_of(int(at))


@lru_cache(maxsize=4)
def _stamp_of(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def _collapsed(value: str) -> str:
    return " ".join(value.split())
