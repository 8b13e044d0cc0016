"""Keys for services whose own are narrower: no ``//``, no ``..``, 1,024 bytes at most.

The escaped form keeps the order of code points, so a listing by the service is in our order.
``/`` is escaped too, because some services make folders of it, in which ``a`` and ``a/b`` cannot
both be; those allow 255 bytes between two slashes, so a long key is folded: a slash of ours after
every so many characters. What is longer than the service allows is cut, and told apart by a
digest; the rest of the key has to be kept beside the object.

Services that compare UTF-16 code units put a character above U+FFFF before U+E000; for them those
from U+D7FF on are spelled in hexadecimal.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass

__all__ = ["NarrowKeys"]

_CUT = "~~"  # no escaped key holds it
_FOLD = f"{_CUT}/"
_FOLD_CHARACTERS = 45  # of at most 4 bytes, and a cut's 66: under 255 bytes
_DIGEST_CHARACTERS = 64
_SPELLED_FROM = 0xD7FF  # stands for no character, and sorts above all that are not spelled
_SURROGATES = range(0xD800, 0xE000)

# Each lead sorts where the characters that it stands for do, and is escaped itself.
_FORMS = {chr(code): f"!{code:02x}" for code in range(0x22)}
_FORMS |= {".": ".-", "/": "._", "[": "[0", "\\": "[1", "~": "~0", "\x7f": "~1"}
_TABLE = str.maketrans(_FORMS)
_BACK = {form: character for character, form in _FORMS.items()}
_ESCAPED = re.compile(r"![0-9a-f]{2}|\.[-_]|\[[01]|~[01]|\ud7ff[0-9a-f]{6}")


class _Spelling(dict[int, str]):
    """The table of the forms, with those of the characters that are spelled."""

    def __missing__(self, code: int) -> str:
        if code < _SPELLED_FROM:
            raise LookupError(code)  # what `str.translate` takes as it is
        return f"{chr(_SPELLED_FROM)}{code:06x}"


_SPELLING = _Spelling(_TABLE)


@dataclass(frozen=True, slots=True)
class NarrowKeys:
    """How keys are kept below ``prefix`` in at most ``most_bytes`` of UTF-8.

    Attributes:
        by_code_unit: Whether the order is kept for services that compare UTF-16 code units too.
    """

    prefix: str = ""
    most_bytes: int = 1024
    by_code_unit: bool = False

    @property
    def _table(self) -> dict[int, str]:
        return _SPELLING if self.by_code_unit else _TABLE

    @property
    def _most_in_form(self) -> int:
        """Bytes that one character takes at most."""
        return 9 if self.by_code_unit else 4

    @property
    def _head_bytes(self) -> int:
        spent = len(self.prefix.encode()) + len(_CUT) + _DIGEST_CHARACTERS
        return self.most_bytes - spent

    def stored(self, key: str) -> str:
        """What the service calls the object of that key."""
        head, rest = self._halves(key, self._head_bytes)
        if rest:
            whole = self._folded(key)
            if len(self.prefix) + len(whole.encode()) > self.most_bytes:
                digest = hashlib.sha256(key.encode()).hexdigest()
                return f"{self.prefix}{head}{_CUT}{digest}"
            return self.prefix + whole
        return self.prefix + head

    def rest(self, key: str) -> str:
        """What of the key is not in its stored form; empty where all is."""
        rest = self._halves(key, self._head_bytes)[1]
        if rest and len(self.prefix) + len(self._folded(key).encode()) <= self.most_bytes:
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
        key = _ESCAPED.sub(self._unescaped, head)
        return key + rest if key.translate(self._table) == head and (key or cut) else None

    def cluster(self, key: str) -> str | None:
        """What the stored forms start with among which the order is not that of the keys.

        ``None`` for a key that is too short to stand among such; a key that is cut may be given
        without its rest.
        """
        if len(key) * self._most_in_form < self._head_bytes // 2:
            return None
        head, rest = self._halves(key, self._head_bytes - self._most_in_form - len(_FOLD))
        return self.prefix + head if rest else None

    def beginning(self, prefix: str) -> str:
        """What the stored forms of all keys with that prefix start with; others may too."""
        return self.prefix + self._halves(prefix, self._head_bytes)[0]

    def _halves(self, key: str, room: int) -> tuple[str, str]:
        """As much of the key, escaped, as there is room for in bytes; and the rest."""
        if len(key) * self._most_in_form <= room and len(key) <= _FOLD_CHARACTERS:
            return key.translate(self._table), ""
        head: list[str] = []
        for place, character in enumerate(key):
            form = character.translate(self._table)
            if place and place % _FOLD_CHARACTERS == 0:
                form = _FOLD + form
            room -= len(form.encode())
            if room < 0:
                return "".join(head), key[place:]
            head.append(form)
        return "".join(head), ""

    def _folded(self, key: str) -> str:
        parts = range(0, len(key), _FOLD_CHARACTERS)
        return _FOLD.join(key[at : at + _FOLD_CHARACTERS].translate(self._table) for at in parts)

    def _unescaped(self, found: re.Match[str]) -> str:
        form = found.group()
        if form in _BACK:
            return _BACK[form]
        code = int(form[1:], 16)
        is_spelled = self.by_code_unit and code <= sys.maxunicode and code not in _SURROGATES
        return chr(code) if is_spelled else form
