"""SOPS's way of encrypting a value, and of handing its data key to age recipients.

A value is AES-256-GCM under the file's data key with a nonce of 32 random bytes, bound to the
path of its keys: https://getsops.io/docs/#encryption-protocol, read 2026-11.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence

import pyrage  # type: ignore[import-untyped]  # it ships no types
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from omnicloud.errors import ConfigurationError, CorruptedError, PermissionDeniedError
from omnicloud_sops.identities import Identity, Recipient

__all__ = ["KEY_BYTES", "DataKey", "is_closed", "unwrapped", "wrapped"]

KEY_BYTES = 32
_NONCE = 32
_TAG = 16
_CLOSED = re.compile(r"ENC\[AES256_GCM,data:(.*),iv:(.+),tag:(.+),type:(\w+)\]", re.DOTALL)


def is_closed(text: str) -> bool:
    """Whether the text is a value that SOPS has encrypted."""
    return _CLOSED.fullmatch(text) is not None


class DataKey:
    """The key of one file; never in a ``repr``."""

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)

    def close(self, plain: bytes, bound_to: str) -> str:
        """The value as text that says nothing."""
        nonce = os.urandom(_NONCE)
        sealed = self._gcm.encrypt(nonce, plain, bound_to.encode())
        parts = (sealed[:-_TAG], nonce, sealed[-_TAG:])
        data, iv, tag = (base64.b64encode(part).decode() for part in parts)
        return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]"

    def open(self, closed: str, bound_to: str) -> bytes:
        """The value, of whatever type, as the text that SOPS knows it by.

        Raises:
            CorruptedError: It was changed, moved, or is of another key.
        """
        found = _CLOSED.fullmatch(closed)
        if found is None:
            raise CorruptedError("a value is in the clear where the file's rules want it closed")
        try:
            data, iv, tag = (base64.b64decode(part, validate=True) for part in found.groups()[:3])
            return self._gcm.decrypt(iv, data + tag, bound_to.encode())
        except (InvalidTag, binascii.Error, ValueError):
            raise CorruptedError("a value of the file was changed or moved") from None


def wrapped(key: bytes, recipients: Sequence[Recipient]) -> list[dict[str, str]]:
    """The data key for each recipient, as SOPS keeps it."""
    return [
        {
            "recipient": str(recipient),
            "enc": pyrage.encrypt(key, [recipient], armored=True).decode(),
        }
        for recipient in recipients
    ]


def unwrapped(metadata: Mapping[str, object], identities: Sequence[Identity]) -> bytes:
    """The data key.

    Raises:
        PermissionDeniedError: None of the identities opens it.
        ConfigurationError: It is kept in a way that this provider does not know.
    """
    if metadata.get("key_groups") or metadata.get("shamir_threshold"):
        raise ConfigurationError("the data key is shared out to key groups: only SOPS joins it")
    entries = metadata.get("age")
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(
            "the file has no age recipient", hint="add one: sops rotate --add-age RECIPIENT"
        )
    for entry in entries:
        closed = entry.get("enc") if isinstance(entry, Mapping) else None
        if not isinstance(closed, str):
            raise CorruptedError("an age recipient of the file has no data key")
        try:
            key: bytes = pyrage.decrypt(closed.encode(), list(identities))
        except pyrage.DecryptError:
            continue
        if len(key) != KEY_BYTES:
            raise CorruptedError("the file's data key is not 32 bytes long")
        return key
    raise PermissionDeniedError(
        "none of the identities opens the file",
        hint="add your recipient: sops rotate --add-age RECIPIENT",
    )
