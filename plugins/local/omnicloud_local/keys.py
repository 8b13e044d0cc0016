"""The master keys of the local secret store, and how a value is sealed with one.

The key file holds one key a line, the current one first; older ones stay, so that what they
sealed can be read. It is made once, by whichever process comes first, readable by its owner
alone. Each value is sealed by AES-256-GCM under a key of its own, derived by HKDF-SHA256
(RFC 5869) from the master key and 32 random bytes that stand before the sealed bytes: no key
seals twice, so no nonce can repeat.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from omnicloud.errors import ConfigurationError, CorruptedError, PermissionDeniedError

__all__ = ["KeyFile", "Keys", "MasterKey"]

_SALT = 32
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 bytes that are never in a ``repr``, and the name that sealed values call them by."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> MasterKey:
        """The key of these 32 bytes."""
        return cls(hashlib.sha256(b"omnicloud key id" + secret).hexdigest()[:16], secret)

    def seal(self, value: bytes, bound_to: bytes) -> bytes:
        """The sealed value, bound to where it is stored."""
        salt = os.urandom(_SALT)
        key, nonce = self._derived(salt)
        return salt + AESGCM(key).encrypt(nonce, value, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The value.

        Raises:
            CorruptedError: It was changed, moved, or sealed with another key.
        """
        key, nonce = self._derived(sealed[:_SALT])
        try:
            return AESGCM(key).decrypt(nonce, sealed[_SALT:], bound_to)
        except InvalidTag:
            raise CorruptedError("the stored secret was changed or moved") from None

    def _derived(self, salt: bytes) -> tuple[bytes, bytes]:
        made = HKDF(SHA256(), 44, salt, b"omnicloud-local secret").derive(self.secret)
        return made[:32], made[32:]


class Keys:
    """Master keys by id, the current one first."""

    def __init__(self, keys: tuple[MasterKey, ...]) -> None:
        self.current = keys[0]
        self.all = keys
        self._by_id = {key.id: key for key in keys}

    def find(self, key_id: str) -> MasterKey | None:
        """The key of that id, if it is known."""
        return self._by_id.get(key_id)

    @classmethod
    def given(cls, text: str) -> Keys:
        """One key, from the configuration.

        Raises:
            ConfigurationError: It is not base64 of 32 bytes.
        """
        try:
            secret = base64.b64decode(text, validate=True)
        except ValueError:
            secret = b""
        if len(secret) != 32:
            raise ConfigurationError(
                "secrets_key is not base64 of 32 bytes",
                hint="make one with: openssl rand -base64 32",
            )
        return cls((MasterKey.of(secret),))


class KeyFile:
    """The file that holds the master keys."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Whether there is a key file."""
        return self.path.exists()

    def read(self) -> Keys:
        """The keys.

        Raises:
            PermissionDeniedError: Others than its owner may read the file.
            CorruptedError: It is no key file; it was left as it is.
        """
        with self.path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if mode & _OTHERS:
                raise PermissionDeniedError(
                    f"{self.path.name} can be read or written by others (mode {mode:o})",
                    hint=f"chmod 600 {self.path}, and rotate the master key",
                )
            lines = file.read().decode("ascii", errors="replace").split()
        try:
            secrets_ = [base64.b64decode(line, validate=True) for line in lines]
        except ValueError:
            secrets_ = []
        if not secrets_ or any(len(secret) != 32 for secret in secrets_):
            raise CorruptedError(
                f"{self.path.name} is no key file",
                hint="it was left as it is: restore it from a backup",
            )
        return Keys(tuple(MasterKey.of(secret) for secret in secrets_))

    def make(self) -> None:
        """Make the file with a new key, unless another process was first."""
        fresh = self._written((MasterKey.of(secrets.token_bytes(32)),))
        try:
            os.link(fresh, self.path)
        except FileExistsError:
            return
        finally:
            fresh.unlink()
        self._settle()

    def add(self) -> Keys:
        """Put a new key before the others. The caller keeps other processes out."""
        keys = (MasterKey.of(secrets.token_bytes(32)), *self.read().all)
        self._written(keys).replace(self.path)
        self._settle()
        return Keys(keys)

    def stamp(self) -> tuple[int, int]:
        """What differs once the file was replaced."""
        status = self.path.stat()
        return status.st_ino, status.st_mtime_ns

    def _written(self, keys: tuple[MasterKey, ...]) -> Path:
        path = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b"".join(base64.b64encode(key.secret) + b"\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        return path

    def _settle(self) -> None:
        handle = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
