"""age identities: where they come from, and who may read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyrage  # type: ignore[import-untyped]  # it ships no types
from pydantic import SecretStr

from omnicloud.core.files import file_errors
from omnicloud.errors import ConfigurationError, PermissionDeniedError

__all__ = ["Identities", "Identity", "Recipient", "recipients_of"]

_MAX_BYTES = 1 << 20


class Recipient(Protocol):
    """pyrage's; its text is ``age1...``."""


class Identity(Protocol):
    """pyrage's; its text is the secret itself, so it goes into no message."""

    def to_public(self) -> Recipient: ...


class Identities:
    """Identities that were given, or a file of them that is read again at each asking."""

    def __init__(self, given: SecretStr | None, file: Path | None) -> None:
        self._given = given
        self._file = file

    def read(self) -> tuple[Identity, ...]:
        """All of them, at least one. Blocks: call it in a thread.

        Raises:
            PermissionDeniedError: Others may read the file.
            UnavailableError: There is no file.
            ConfigurationError: It holds none, or what is none.
        """
        if self._given is not None:
            return _parsed(self._given.get_secret_value(), "identity")
        path = self._file or usual_file()
        with file_errors("reading the identity file"), path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise PermissionDeniedError(
                    "others may read the identity file", hint="chmod 600 it, and make a new one"
                )
            text = file.read(_MAX_BYTES).decode(errors="replace")
        return _parsed(text, "identity_file")


def usual_file() -> Path:
    """Where SOPS itself looks on Linux: https://getsops.io/docs/#encrypting-using-age, 2026-11."""
    named = os.environ.get("SOPS_AGE_KEY_FILE")
    if named:
        return Path(named)
    folder = os.environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "sops" / "age" / "keys.txt"


def recipients_of(texts: Sequence[str], identities: Sequence[Identity]) -> list[Recipient]:
    """The recipients that were named, or those of the identities.

    Raises:
        ConfigurationError: One is none.
    """
    if not texts:
        return [identity.to_public() for identity in identities]
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError:
        raise ConfigurationError("recipients: each must be an age recipient, age1...") from None


def _parsed(text: str, where: str) -> tuple[Identity, ...]:
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    try:
        identities = tuple(pyrage.x25519.Identity.from_str(line) for line in found)
    except pyrage.IdentityError:
        # Without its cause: that might quote the line.
        raise ConfigurationError(f"{where}: a line is no age identity") from None
    if not identities:
        raise ConfigurationError(f"{where}: there is no age identity in it")
    return identities
