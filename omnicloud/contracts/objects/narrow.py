"""Keys for services whose own are narrower: no ``//``, no ``..``, 1,024 bytes at most.

The escaped form keeps the order of code points, so a listing by the service is in our order.
``/`` is escaped too, because some services make folders of it, in which ``a`` and ``a/b`` cannot
both be; those allow 255 bytes between two slashes, so a long key is folded: a slash of ours after
every so many characters. What is longer than the service allows is cut, and told apart by a
digest; the rest of the key has to be kept beside the object.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

__all__ = ["NarrowKeys"]

_CUT = "~~"  # no escaped key holds it
_FOLD = f"{_CUT}/"
_FOLD_CHARACTERS = 45  # of at most 4 bytes, and a cut's 66: under 255 bytes
_DIGEST_CHARACTERS = 64
_MOST_IN_FORM = 4  # bytes that one character takes

# Each lead sorts where the characters that it stands for do, and is escaped itself.
_FORMS = {chr(code): f"!{code:02x}" for code in range(0x22)}
_FORMS |= {".": ".-", "/": "._", "[": "[0", "\\": "[1", "~": "~0", "\x7f": "~1"}
_TABLE = str.maketrans(_FORMS)
_BACK = {form: character for character, form in _FORMS.items()}
_ESCAPED = re.compile(r"![0-9a-f]{2}|\.[-_]|\[[01]|~[01]")


@dataclass(frozen=True, slots=True)
class NarrowKeys:
    """How keys are kept below ``prefix`` in at most ``most_bytes`` of UTF-8."""

    prefix: str = ""
    most_bytes: int = 1024

    @property
    def _head_bytes(self) -> int:
        spent = len(self.prefix.encode()) + len(_CUT) + _DIGEST_CHARACTERS
        return self.most_bytes - spent

    def stored(self, key: str) -> str:
        """What the service calls the object of that key."""
        head, rest = self._halves(key, self._head_bytes)
        if rest:
            whole = _folded(key)
            if len(self.prefix) + len(whole.encode()) > self.most_bytes:
                digest = hashlib.sha256(key.encode()).hexdigest()
                return f"{self.prefix}{head}{_CUT}{digest}"
            return self.prefix + whole
        return self.prefix + head

    def rest(self, key: str) -> str:
        """What of the key is not in its stored form; empty where all is."""
        rest = self._halves(key, self._head_bytes)[1]
        if rest and len(self.prefix) + len(_folded(key).encode()) <= self.most_bytes:
            return ""
        return rest

    def key(self, stored: str, rest: str = "") -> str | None:
        """The key of a stored form; ``None`` where it is not one of ours.

        Args:
            rest: What :meth:`rest` said of the key, where a part of it is missing.
        """
        if not stored.startswith(self.prefix):
            return None
        flat = stored[len(self.prefix) :].replace(_FOLD, "")
        head, cut, _ = flat.partition(_CUT)
        key = _ESCAPED.sub(lambda found: _BACK[found.group()], head)
        return key + rest if key.translate(_TABLE) == head and (key or cut) else None

    def cluster(self, key: str) -> str | None:
        """What the stored forms start with among which the order is not that of the keys.

        ``None`` for a key that is too short to stand among such; a key that is cut may be given
        without its rest.
        """
        if len(key) * _MOST_IN_FORM < self._head_bytes // 2:
            return None
        head, rest = self._halves(key, self._head_bytes - _MOST_IN_FORM - len(_FOLD))
        return self.prefix + head if rest else None

    def beginning(self, prefix: str) -> str:
        """What the stored forms of all keys with that prefix start with; others may too."""
        return self.prefix + self._halves(prefix, self._head_bytes)[0]

    def _halves(self, key: str, room: int) -> tuple[str, str]:
        """As much of the key, escaped, as there is room for in bytes; and the rest."""
        if len(key) * _MOST_IN_FORM <= room and len(key) <= _FOLD_CHARACTERS:
            return key.translate(_TABLE), ""
        head: list[str] = []
        for place, character in enumerate(key):
            form = _FORMS.get(character, character)
            if place and place % _FOLD_CHARACTERS == 0:
                form = _FOLD + form
            room -= len(form.encode())
            if room < 0:
                return "".join(head), key[place:]
            head.append(form)
        return "".join(head), ""


def _folded(key: str) -> str:
    parts = range(0, len(key), _FOLD_CHARACTERS)
    return _FOLD.join(key[at : at + _FOLD_CHARACTERS].translate(_TABLE) for at in parts)
