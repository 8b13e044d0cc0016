"""How names and values are kept: what the service takes as it is, anything else escaped.

Names of letters, digits, inner spaces and ``/_.@:,-`` stand for themselves, every other byte of
UTF-8 is ``=XX``. The service asks its database with ``LIKE`` and takes ``+`` for a space, so
neither ``%`` nor ``+`` stays. It takes 255 characters: what is longer is cut and told apart by
``==`` and a digest, and the whole name is in front of the value.

Text that the service would not strip stays text; anything else is bytes. The service takes no
empty payload, so that one gets a mark, and what starts with the mark another.
"""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256

__all__ = ["AROUND_BYTES", "Names", "closed", "name_inside", "opened"]

_MOST = 255
_SIGN = "=="
_CUT = _MOST - len(_SIGN) - 64
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.@:,- ")
_ESCAPED = re.compile("=([0-9A-F]{2})")
_MARK = b"\0omnicloud:"
_VALUE, _NAMED = b"v", b"n"
_TEXT, _BYTES = "text/plain", "application/octet-stream"
_TEXT_BYTES = 20_000  # as JSON: quotes in it take two
AROUND_BYTES = 1_500
"""What stands around a value at most: mark, length and whole name."""


class Names:
    """The names below a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def stored(self, name: str) -> str:
        """What the service calls the secret."""
        whole = self._prefix + _escaped(name)
        if len(whole) <= _MOST:
            return whole
        return f"{whole[:_CUT]}{_SIGN}{sha256(name.encode()).hexdigest()}"

    def is_cut(self, stored: str) -> bool:
        """Whether the whole name is not in the stored one but in front of the value."""
        return stored[_CUT : _CUT + len(_SIGN)] == _SIGN

    def beginning(self, prefix: str) -> str:
        """What the stored names of all names with that prefix start with."""
        # A space at the end may be an inner one of a longer name.
        return (self._prefix + _escaped(prefix)).removesuffix("=20")[:_CUT]

    def name(self, stored: str) -> str | None:
        """The name of a stored one that is not cut; ``None`` where it is not one of ours."""
        if not stored.startswith(self._prefix):
            return None
        try:
            name = _unescaped(stored[len(self._prefix) :])
        except UnicodeError:
            return None
        return name if name and self.stored(name) == stored else None


def closed(value: bytes, cut_name: str | None) -> dict[str, str]:
    """The fields of a request that carry the value, and the whole name of a cut one."""
    if cut_name is not None:
        name = cut_name.encode()
        value = _MARK + _NAMED + len(name).to_bytes(2) + name + value
    elif not value or value.startswith(_MARK):
        value = _MARK + _VALUE + value
    text = _text(value)
    if text:
        return {"payload": text, "payload_content_type": _TEXT}
    return {
        "payload": base64.b64encode(value).decode(),
        "payload_content_type": _BYTES,
        "payload_content_encoding": "base64",
    }


def opened(payload: bytes) -> bytes:
    """The value of a payload."""
    if not payload.startswith(_MARK):
        return payload
    start = len(_MARK) + 1
    if payload[len(_MARK) : start] == _VALUE:
        return payload[start:]
    length = int.from_bytes(payload[start : start + 2])
    return payload[start + 2 + length :]


def name_inside(payload: bytes) -> str | None:
    """The whole name in front of a value; ``None`` where there is none."""
    start = len(_MARK) + 1
    if payload[:start] != _MARK + _NAMED:
        return None
    length = int.from_bytes(payload[start : start + 2])
    return payload[start + 2 : start + 2 + length].decode(errors="replace")


def _escaped(name: str) -> str:
    text = "".join(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in name.encode())
    if text.startswith(" "):
        text = "=20" + text[1:]
    return text[:-1] + "=20" if text.endswith(" ") else text


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1").decode()


def _text(value: bytes) -> str:
    """The value where it is text that stays as it is. Nothing of it may enter an error."""
    text = value.decode(errors="surrogateescape")
    plain = all(letter == "\n" or letter >= " " for letter in text)
    if not plain or text != text.strip() or any("\udc80" <= c <= "\udcff" for c in text):
        return ""
    return text if len(json.dumps(text, ensure_ascii=False).encode()) <= _TEXT_BYTES else ""
