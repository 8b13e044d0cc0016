"""Names as subjects of NATS, which know tokens between dots and hold no blanks or wildcards.

A name is cut into pieces, one token each, and a last token that no piece is. A piece ends behind
what divides most names, such as ``/ : . - _``, or has so many characters. So all names that start
with a prefix are found under one wildcard, but for what the prefix has beyond its last whole
piece, which the reader compares.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["KEY_HEADER", "Subjects", "token_of", "wire_text"]

KEY_HEADER = "Omni-Key"
"""The whole name beside a message whose subject is cut."""

_PIECE = 16
_DIVIDED = 24  # pieces that end behind a divider; what is after them is cut by length alone
_TEXT, _DIVIDER = r"[A-Za-z0-9\x80-\U0010FFFF]", r"[^A-Za-z0-9\x80-\U0010FFFF]"
_WHOLE = re.compile(f"{_TEXT}{{0,15}}{_DIVIDER}|{_TEXT}{{16}}")
_MOST_BYTES = 3000  # a line of the protocol has at most 4,096, with two subjects in some
_END = "~"
_TOKEN_BYTES = 120
_NARROW = re.compile(r"[^A-Za-z0-9_-]")
_ESCAPED = re.compile(r"=([0-9A-F]{2})")
# What lies above ASCII may stand in a subject; "=" is our own mark, "~" ends a name.
_TABLE = {code: f"={code:02X}" for code in range(0x80) if _NARROW.match(chr(code))}


def token_of(name: str) -> str:
    """A name as one token that may stand in the name of a stream; injective."""
    if len(name) <= _TOKEN_BYTES and name.isascii() and _NARROW.search(name) is None:
        return name
    token = "".join(
        f"={byte:02X}" if _NARROW.match(chr(byte)) else chr(byte) for byte in name.encode()
    )
    if len(token) <= _TOKEN_BYTES:
        return token
    return f"{token[:_TOKEN_BYTES]}{_END}{hashlib.sha256(name.encode()).hexdigest()}"


def wire_text(text: str) -> str:
    """Any text as a value of a header; :meth:`Subjects.read` undoes it."""
    return text.translate(_TABLE)


def read_text(text: str) -> str:
    """The text that :func:`wire_text` wrote."""
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)


class Subjects:
    """Names below ``root``."""

    def __init__(self, root: str) -> None:
        self._root = root

    def of(self, name: str) -> tuple[str, str | None]:
        """The subject of a name, and the name for :data:`KEY_HEADER` where the subject is cut."""
        pieces = _tokens(name)
        kept = _fitting(pieces)
        head = "".join(f"{piece}." for piece in pieces[:kept])
        if kept == len(pieces):
            return f"{self._root}.{head}{_END}", None
        digest = hashlib.sha256(name.encode()).hexdigest()
        return f"{self._root}.{head}{_END}{digest}", wire_text(name)

    def under(self, prefix: str) -> str:
        """The narrowest wildcard that holds the subjects of all names with that prefix."""
        whole = [piece.translate(_TABLE) for piece in _whole_pieces(prefix)]
        head = "".join(f"{piece}." for piece in whole[: _fitting(whole)])
        return f"{self._root}.{head}>"

    def name(self, subject: str, beside: str | None = None) -> str | None:
        """The name of a subject; ``None`` where it is not known, its header being lost."""
        if beside is not None:
            return read_text(beside)
        *pieces, end = subject[len(self._root) + 1 :].split(".")
        return read_text("".join(pieces)) if end == _END else None


def _tokens(name: str) -> list[str]:
    """All pieces of a name, as they are written."""
    whole = _whole_pieces(name)
    rest = name[sum(map(len, whole)) :]
    return [piece.translate(_TABLE) for piece in ([*whole, rest] if rest else whole)]


def _whole_pieces(name: str) -> list[str]:
    """The pieces that a name shares with every name that it is the beginning of."""
    found = _WHOLE.findall(name)
    if len(found) > _DIVIDED:
        del found[_DIVIDED:]
        rest = name[sum(map(len, found)) :]
        found += [rest[at - _PIECE : at] for at in range(_PIECE, len(rest) + 1, _PIECE)]
    return found


def _fitting(pieces: list[str]) -> int:
    room = _MOST_BYTES
    for count, piece in enumerate(pieces):
        room -= len(piece.encode()) + 1
        if room < 0:
            return count
    return len(pieces)
