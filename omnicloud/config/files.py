"""Configuration files: which one it is, and its values with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as FilePath

from omnicloud.config.problems import Origin, Path, Problem, dotted
from omnicloud.config.toml_lines import Defined, ScanError, defined
from omnicloud.config.tree import Tree

__all__ = ["FILE_NAME", "FILE_VARIABLE", "find_file", "read_file"]

FILE_NAME = "omnicloud.toml"
FILE_VARIABLE = "OMNICLOUD_CONFIG"
_MAX_BYTES = 1 << 20
_PLACE = re.compile(r"\((?:at line (\d+), column \d+|at end of document)\)")


def find_file(directory: FilePath, environ: Mapping[str, str]) -> FilePath | None:
    """The configuration file of a program that runs in ``directory``.

    It is ``$OMNICLOUD_CONFIG`` where that is set; else ``omnicloud.toml`` in the directory; else
    in the nearest parent, up to the root of the repository (the directory that holds ``.git``).
    Outside a repository no parent is looked at, so that nobody else's file is ever picked up.
    """
    if named := environ.get(FILE_VARIABLE):
        return FilePath(named)
    for place in _places(directory):
        if (place / FILE_NAME).is_file():
            return place / FILE_NAME
    return None


def _places(directory: FilePath) -> Sequence[FilePath]:
    upwards = [directory, *directory.parents]
    for count, place in enumerate(upwards, start=1):
        if (place / ".git").exists():
            return upwards[:count]
    return [directory]


def read_file(file: FilePath) -> tuple[Tree, list[Problem]]:
    """The values of a TOML file and what is wrong with it.

    What is defined twice is a mistake that names both lines; the first one is then used, so
    that the mistakes of the rest are told too.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        return _failed(file, f"cannot be read: {error.strerror}", "give the path of a TOML file")
    if len(data) > _MAX_BYTES:
        return _failed(file, f"has more than {_MAX_BYTES} bytes", "it is no configuration")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _failed(file, "is not UTF-8", "save the file as UTF-8", line)
    return _parsed(file, text)


def _failed(
    file: FilePath, message: str, hint: str, line: int | None = None
) -> tuple[Tree, list[Problem]]:
    origin = Origin(str(file), line)
    return Tree({}, {(): Origin(str(file))}), [Problem("", message, hint, origin)]


def _parsed(file: FilePath, text: str) -> tuple[Tree, list[Problem]]:
    try:
        found = defined(text)
    except ScanError:
        found = []
    second = _twice(found)
    try:
        values = tomllib.loads(_without(text, [again for again, _ in second]))
    except tomllib.TOMLDecodeError as error:
        match = _PLACE.search(str(error))
        message = "is not TOML: " + _PLACE.sub("", str(error)).strip()
        line = int(match[1]) if match and match[1] else len(text.splitlines())
        tree, problems = _failed(file, message, "see https://toml.io", line)
        return tree, [*_reported(file, second), *problems]
    gone = {again.start for again, _ in second}
    return Tree(values, _origins(file, found, gone)), _reported(file, second)


def _twice(found: Iterable[Defined]) -> list[tuple[Defined, Defined]]:
    """Each thing that was defined before, with the first definition."""
    first: dict[Path, Defined] = {}
    second = []
    for one in found:
        if one.path in first and first[one.path] is not one:
            second.append((one, first[one.path]))
        else:
            first[one.path] = one
    return [(again, before) for again, before in second if not _inside(again, second)]


def _inside(one: Defined, second: Sequence[tuple[Defined, Defined]]) -> bool:
    return any(
        other is not one and other.start <= one.start and one.end <= other.end
        for other, _ in second
    )


def _without(text: str, spans: Iterable[Defined]) -> str:
    """The text with some spans left blank, so that every other line keeps its number."""
    for span in spans:
        if span.nested:
            continue
        blank = re.sub(r"[^\n]", " ", text[span.start : span.end])
        text = text[: span.start] + blank + text[span.end :]
    return text


def _reported(file: FilePath, second: Iterable[tuple[Defined, Defined]]) -> list[Problem]:
    return [
        Problem(
            dotted(again.path),
            f"{_kind(again.path)} is defined twice, on lines {before.line} and {again.line}",
            "keep one of them",
            Origin(str(file), again.line),
        )
        for again, before in second
    ]


def _kind(path: Path) -> str:
    return f"the service {path[1]!r}" if len(path) == 2 and path[0] == "services" else "the key"


def _origins(file: FilePath, found: Iterable[Defined], gone: set[int]) -> dict[Path, Origin]:
    origins: dict[Path, Origin] = {(): Origin(str(file))}
    for one in found:
        if one.start in gone:
            continue
        for end in range(1, len(one.path) + 1):
            origins.setdefault(one.path[:end], Origin(str(file), one.line))
    return origins
