"""Names of secrets as Secrets Manager takes them: any of ours, and its own as they are.

ASCII letters, digits and ``/_+.@-`` stand for themselves, every other byte of UTF-8 is
``=XX``. What is longer than the service's 512 characters is cut and told apart by ``==`` and a
digest; the whole name is then in the description.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html, 2026-11.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

__all__ = ["Names"]

_MOST = 512
_MARK = "=="
_CUT = _MOST - len(_MARK) - 64
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+.@-")
_ESCAPED = re.compile("=([0-9A-F]{2})")
_NOTE = "omnicloud name "


class Names:
    """The names below a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def stored(self, name: str) -> str:
        """What the service calls the secret."""
        whole = self._prefix + _escaped(name)
        if len(whole) <= _MOST:
            return whole
        return f"{whole[:_CUT]}{_MARK}{sha256(name.encode()).hexdigest()}"

    def description(self, name: str) -> str | None:
        """What the description must say; ``None`` where the stored name says all."""
        if len(self._prefix) + len(_escaped(name)) <= _MOST:
            return None
        return _NOTE + base64.urlsafe_b64encode(name.encode()).decode()

    def beginning(self, prefix: str) -> str:
        """What the stored names of all names with that prefix start with."""
        return (self._prefix + _escaped(prefix))[:_CUT]

    def name(self, secret: Mapping[str, Any]) -> str | None:
        """The name of a secret that the service lists; ``None`` where it is not one of ours."""
        stored = str(secret["Name"])
        if not stored.startswith(self._prefix):
            return None
        try:
            if stored[_CUT : _CUT + len(_MARK)] == _MARK:
                note = str(secret.get("Description", "")).removeprefix(_NOTE)
                name = base64.urlsafe_b64decode(note.encode()).decode()
            else:
                name = _unescaped(stored[len(self._prefix) :])
        except (UnicodeError, binascii.Error):
            return None
        return name if name and self.stored(name) == stored else None


def _escaped(name: str) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in name.encode())


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1").decode()
