"""On which line of a TOML text each key stands; ``tomllib`` does not say.

The scanner knows keys, strings, brackets and comments, and nothing of what values mean:
``tomllib`` decides what is valid. It also finds what was defined twice, with both places,
where ``tomllib`` stops at the second without naming the first.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass

from omnicloud.config.problems import Path

__all__ = ["Defined", "ScanError", "defined"]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_KEY_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''[\s\S]*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_QUOTES = ('"', "'")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


class ScanError(ValueError):
    """The text is no TOML; ``tomllib`` says why."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A key or a table header.

    Attributes:
        path: Where in the document.
        line: From 1.
        start: Offset of its first character.
        end: Offset after its value; for a header after its table's keys, at the next header.
        nested: Whether it stands inside an inline table or an array.
    """

    path: Path
    line: int
    start: int
    end: int
    nested: bool = False


def defined(text: str) -> list[Defined]:
    """Every key and table header of a TOML text, in order.

    Raises:
        ScanError: The text is no TOML.
    """
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._arrays: dict[Path, int] = {}
        self._found: list[Defined] = []

    def document(self) -> list[Defined]:
        table: Path = ()
        header: Defined | None = None
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                self._close(header)
                header = self._header()
                table = header.path
            else:
                self._pair(table, nested=False)
            self._skip(_SPACE)
        self._close(header)
        return self._found

    def _close(self, header: Defined | None) -> None:
        if header is not None:
            whole = Defined(header.path, header.line, header.start, self._at)
            self._found[self._found.index(header)] = whole

    def _header(self) -> Defined:
        start = self._at
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at += brackets
        path = self._resolved(self._key(), grows=brackets == 2)
        self._expect("]" * brackets)
        header = Defined(path, self._line(start), start, self._at)
        self._found.append(header)
        return header

    def _resolved(self, key: tuple[str, ...], *, grows: bool) -> Path:
        """The key of a header with the index of the last element of each array of tables."""
        path: Path = ()
        for position, part in enumerate(key):
            path = (*path, part)
            if grows and position == len(key) - 1:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path, *, nested: bool) -> None:
        start = self._at
        path = (*table, *self._key())
        self._expect("=")
        position = len(self._found)
        self._skip(_BLANK)
        self._value(path)
        entry = Defined(path, self._line(start), start, self._at, nested)
        self._found.insert(position, entry)

    def _key(self) -> tuple[str, ...]:
        parts = [self._key_part()]
        while self._text.startswith(".", self._at):
            self._at += 1
            parts.append(self._key_part())
        return tuple(parts)

    def _key_part(self) -> str:
        self._skip(_BLANK)
        match = _KEY_STRING.match(self._text, self._at) or _BARE_KEY.match(self._text, self._at)
        if match is None:
            raise ScanError(f"no key at line {self._line(self._at)}")
        self._at = match.end()
        part = match.group()
        if part[0] in _QUOTES:
            part = _unquoted(part)
        self._skip(_BLANK)
        return part

    def _value(self, path: Path) -> None:
        first = self._text[self._at : self._at + 1]
        if first in _QUOTES:
            self._take(_STRING)
        elif first == "[":
            self._items(path, "]")
        elif first == "{":
            self._items(path, "}")
        else:
            self._take(_SCALAR)

    def _items(self, path: Path, closing: str) -> None:
        self._at += 1
        count = 0
        while True:
            self._skip(_SPACE)
            if self._text.startswith(closing, self._at):
                self._at += 1
                return
            if closing == "}":
                self._pair(path, nested=True)
            else:
                self._value((*path, count))
            count += 1
            self._skip(_SPACE)
            if not self._text.startswith(closing, self._at):
                self._expect(",")

    def _take(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ScanError(f"no value at line {self._line(self._at)}")
        self._at = match.end()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _expect(self, token: str) -> None:
        if not self._text.startswith(token, self._at):
            raise ScanError(f"no {token!r} at line {self._line(self._at)}")
        self._at += len(token)

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset - 1) + 1


def _unquoted(text: str) -> str:
    try:
        return str(tomllib.loads(f"k = {text}")["k"])
    except tomllib.TOMLDecodeError as error:
        raise ScanError(str(error)) from None
