"""Signs certificates with Ed25519 (RFC 8032) over their canonical form (RFC 8785)."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from omnicloud_tck.certificates.making import as_json
from omnicloud_tck.certificates.model import CertificateFile, Signature
from omnicloud_tck.certificates.reading import Unreadable, read, read_bounded

__all__ = ["BadKey", "is_authentic", "make_key", "public_key", "read_key", "read_public", "signed"]

_CONTEXT = b"omnicloud certificate 1\n"
"""Stands before what is signed, so that no signature of another kind passes for one of these."""

_PUBLIC = re.compile(r"[A-Za-z0-9_-]{43}")
_OTHERS = 0o077


class BadKey(Exception):  # noqa: N818 - said of a key
    """A key cannot be used; says why, never what is in it."""


def make_key(path: Path) -> str:
    """Write a new private key, readable by its owner only, and answer the public one.

    Raises:
        BadKey: The file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)
    except OSError as error:
        raise BadKey(f"{path.name} is not written: {error.strerror}") from error
    return public_key(key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """A private key out of its file.

    Raises:
        BadKey: It cannot be read, is readable by others, or is no Ed25519 key in PEM.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            raise BadKey(f"{path.name} can be read by others; chmod 600 it, or make a new key")
        key = load_pem_private_key(read_bounded(path), None)
    except OSError as error:
        raise BadKey(f"{path.name} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm, Unreadable):
        raise BadKey(f"{path.name} is no private key in PEM without a passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path.name} is no Ed25519 key")
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    """The public key as certificates and trust files write it: 43 characters."""
    return _text(key.public_key().public_bytes_raw())


def read_public(said: str) -> str:
    """A public key that was said outright, or the first word of the file that was named.

    Raises:
        BadKey: It is neither.
    """
    if _PUBLIC.fullmatch(said):
        return said
    try:
        words = read_bounded(Path(said)).decode().split()
    except (Unreadable, UnicodeDecodeError, ValueError):
        words = []
    if words and _PUBLIC.fullmatch(words[0]):
        return words[0]
    raise BadKey("the public key is neither 43 characters of base64 nor a file that begins so")


def signed(certificate: CertificateFile, key: Ed25519PrivateKey) -> CertificateFile:
    """The certificate with a signature."""
    held = Signature(algorithm="Ed25519", key=public_key(key), value="")
    _, plain = read(as_json(certificate.model_copy(update={"signature": held})).encode())
    value = _text(key.sign(_covered(plain)))
    return certificate.model_copy(update={"signature": held.model_copy(update={"value": value})})


def is_authentic(signature: Signature, plain: Mapping[str, object]) -> bool:
    """Whether the signature was made with its key over this very object."""
    try:
        public = Ed25519PublicKey.from_public_bytes(_bytes(signature.key))
        public.verify(_bytes(signature.value), _covered(plain))
    except (InvalidSignature, ValueError, Unreadable):
        return False
    return True


def _covered(plain: Mapping[str, object]) -> bytes:
    """What is signed: everything but the signature's own value."""
    signature = plain.get("signature")
    held = dict(signature) if isinstance(signature, dict) else {}
    held.pop("value", None)
    try:
        return _CONTEXT + rfc8785.dumps({**plain, "signature": held})  # type: ignore[dict-item]  # plain JSON, as parsed
    except rfc8785.CanonicalizationError as error:
        raise Unreadable(f"no canonical form: {error}") from None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """The bytes, if the text is the one that they are written with."""
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _text(raw) != text:
        raise ValueError("another spelling")
    return raw
