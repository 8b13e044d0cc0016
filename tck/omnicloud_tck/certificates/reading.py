"""Reads a certificate from bytes that anybody may have made: bounded, strict, and told why not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from omnicloud_tck.certificates.model import CertificateFile

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "Unreadable",
    "read",
    "read_bounded",
    "read_file",
    "strict_json",
]

MAX_BYTES = 8 << 20
"""The largest file that is looked at: a certificate of all contracts has a fifth of it."""

MAX_DEPTH = 32
"""The deepest nesting that is looked at."""


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class Unreadable(Exception):  # noqa: N818 - said of a file
    """The file is no certificate; says why."""


def read(raw: bytes) -> tuple[CertificateFile, Mapping[str, object]]:
    """The certificate, and the plain JSON object that its signature covers.

    Raises:
        Unreadable: It is too large, not JSON, nested too deeply, says a name twice, has a
            number that JSON does not know, or not the shape of a certificate.
    """
    plain = strict_json(raw)
    if not isinstance(plain, dict):
        raise Unreadable(f"not a certificate: the JSON is a {type(plain).__name__}, not an object")
    try:
        return CertificateFile.model_validate_json(raw, strict=True), plain
    except ValidationError as error:
        raise Unreadable(f"not a certificate of this schema: {_first(error)}") from None


def read_file(path: Path) -> tuple[CertificateFile, Mapping[str, object]]:
    """As :func:`read` of a file's bytes.

    Raises:
        Unreadable: As there, and it cannot be read; it names the file.
    """
    raw = read_bounded(path)
    try:
        return read(raw)
    except Unreadable as error:
        raise Unreadable(f"{path.name} is no certificate: {error}") from None


def read_bounded(path: Path) -> bytes:
    """A file's bytes, if they are no more than :data:`MAX_BYTES`.

    Raises:
        Unreadable: They are more, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise Unreadable(f"{path.name} has more than {MAX_BYTES} bytes")
    return raw


def strict_json(raw: bytes) -> object:
    """JSON with neither NaN nor a name said twice nor deep nesting.

    Raises:
        Unreadable: It is not that.
    """
    if len(raw) > MAX_BYTES:
        raise Unreadable(f"more than {MAX_BYTES} bytes")
    _shallow(raw)
    try:
        found: object = json.loads(
            raw.decode(), object_pairs_hook=_once, parse_constant=_no_such_number
        )
    except UnicodeDecodeError:
        raise Unreadable("not JSON: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} in line {error.lineno}") from None
    except ValueError:
        raise Unreadable("not JSON: a number is too long") from None
    return found


def _shallow(raw: bytes) -> None:
    """Refuse deep nesting before a parser recurses into it; brackets in strings do not count."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH}")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a name is said twice in one object")
    return found


def _no_such_number(text: str) -> NoReturn:
    raise Unreadable(f"{text} is no number in JSON")


def _first(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    where = ".".join(str(step)[:60] for step in problems[0]["loc"])
    return f"{where}: {problems[0]['msg']} ({len(problems)} such)"
