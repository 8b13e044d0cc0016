"""Values of secrets as Secrets Manager keeps them: text as text, anything else as bytes.

Text stays readable for whoever shares the secret. The service takes no empty value: that one,
and one that starts with the mark, gets the mark in front.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["MOST_BYTES", "kept", "read"]

_MARK = b"\0omnicloud:"
MOST_BYTES = (64 << 10) - len(_MARK)
"""The service keeps 65,536 bytes."""


def kept(value: bytes) -> dict[str, str | bytes]:
    """The argument of a request that carries the value."""
    text = _text(value)
    if text:
        return {"SecretString": text}
    return {"SecretBinary": value if value and not value.startswith(_MARK) else _MARK + value}


def read(answer: Mapping[str, Any]) -> bytes:
    """The value that an answer carries."""
    if "SecretString" in answer:
        return str(answer["SecretString"]).encode()
    return bytes(answer.get("SecretBinary", b"")).removeprefix(_MARK)


def _text(value: bytes) -> str:
    """The value where it is plain text, else nothing. Nothing of it may enter an error."""
    text = value.decode(errors="surrogateescape")
    plain = all(letter in "\t\n\r" or letter >= " " for letter in text)
    return text if plain and not any("\udc80" <= letter <= "\udcff" for letter in text) else ""
