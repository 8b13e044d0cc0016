"""Signed URLs, version 4, and the assertions by which a service account gets a token.

https://cloud.google.com/storage/docs/authentication/signatures and
https://developers.google.com/identity/protocols/oauth2/service-account, 2026-11.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from omnicloud.errors import ConfigurationError

__all__ = ["SCOPE", "Account", "encoded", "query_to_sign", "string_to_sign"]

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_ALGORITHM = "GOOG4-RSA-SHA256"
_ASSERTED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Account:
    """A service account with its private key."""

    email: str
    key_id: str
    token_uri: str
    _key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """The account of a key file as Google hands it out.

        Raises:
            ConfigurationError: It is none.
        """
        try:
            told = json.loads(text)
            key = serialization.load_pem_private_key(told["private_key"].encode(), None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise TypeError
            return cls(told["client_email"], told["private_key_id"], told["token_uri"], key)
        except (ValueError, KeyError, TypeError, AttributeError):
            # Without its cause, which may quote the key.
            raise ConfigurationError(
                "service_account_key is no key of a service account",
                hint="give the whole JSON file that Google made, by reference: secret:gcs-key",
            ) from None

    def signature(self, text: str) -> bytes:
        """The text signed with RSA and SHA-256."""
        return self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())

    def assertion(self, at: float) -> str:
        """What the token's address exchanges for a token."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        claims = {
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": int(at),
            "exp": int(at) + _ASSERTED_SECONDS,
        }
        text = f"{_packed(json.dumps(head).encode())}.{_packed(json.dumps(claims).encode())}"
        return f"{text}.{_packed(self.signature(text))}"

    def presigned(self, method: str, url: str, at: float, seconds: int) -> str:
        """The URL, which has no query yet, with one that allows ``method`` for so many seconds."""
        query = query_to_sign(self.email, at, seconds)
        signature = self.signature(string_to_sign(method, url, query, at)).hex()
        return f"{url}?{query}&X-Goog-Signature={signature}"


def query_to_sign(email: str, at: float, seconds: int) -> str:
    """The query of a signed URL without its signature, in the order in which it is signed."""
    pairs = {
        "X-Goog-Algorithm": _ALGORITHM,
        "X-Goog-Credential": f"{email}/{_scope(at)}",
        "X-Goog-Date": _stamp(at),
        "X-Goog-Expires": str(seconds),
        "X-Goog-SignedHeaders": "host",
    }
    return "&".join(f"{name}={encoded(value)}" for name, value in pairs.items())


def string_to_sign(method: str, url: str, query: str, at: float) -> str:
    """What the signature of a URL is over."""
    parts = urlsplit(url)
    asked = f"{method}\n{parts.path}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = sha256(asked.encode()).hexdigest()
    return f"{_ALGORITHM}\n{_stamp(at)}\n{_scope(at)}\n{digest}"


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoded as the signature wants it."""
    return quote(text, safe=safe + "-_.~")


def _scope(at: float) -> str:
    return f"{_stamp(at)[:8]}/auto/storage/goog4_request"


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
