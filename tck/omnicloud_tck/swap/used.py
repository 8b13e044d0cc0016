"""Reads what an application used: records of use, and spans of OpenTelemetry, as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from omnicloud.layers.usage import SCHEMA_VERSION
from omnicloud_tck.certificates.reading import MAX_BYTES, Unreadable, strict_json

__all__ = ["Use", "read_uses"]

Attributes = Mapping[str, object]

_OPERATION = "omnicloud.operation"
_FEATURES = "omnicloud.features"


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """An operation that was asked for, with the features it needed.

    Attributes:
        operation: ``"kv.set"``; empty for features that the configuration demands.
    """

    contract: str
    operation: str
    features: tuple[str, ...]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    schema_version: int
    service: str
    contract: str
    operation: str
    features: list[str]
    requires: list[str]


def read_uses(path: Path) -> tuple[Use, ...]:
    """What a file records, each once, sorted.

    Raises:
        Unreadable: A line is neither a record nor a span, or there is no use at all; a span
            that does not tell its features counts as no word on them.
    """
    found: set[Use] = set()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_BYTES + 1), b""), 1):
                found.update(_of_line(line, f"line {number} of {path.name}"))
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror}") from error
    if not found:
        raise Unreadable(f"{path.name} records no use of omnicloud")
    return tuple(sorted(found))


def _of_line(line: bytes, where: str) -> Iterator[Use]:
    if not line.strip():
        return
    try:
        said = strict_json(line)
    except Unreadable as error:
        raise Unreadable(f"{where}: {error}") from None
    if not isinstance(said, dict):
        raise Unreadable(f"{where} is neither a record of use nor a span")
    if "schema_version" in said:
        yield from _recorded(line, where)
    elif "resourceSpans" in said:
        for attributes in _exported(said):
            yield from _spanned(attributes, where)
    elif "attributes" in said:
        yield from _spanned(_mapping(said["attributes"]), where)
    else:
        raise Unreadable(f"{where} is neither a record of use nor a span")


def _recorded(line: bytes, where: str) -> Iterator[Use]:
    try:
        said = _Line.model_validate_json(line)
    except ValidationError as error:
        raise Unreadable(f"{where} is no record of use ({error.error_count()} mistakes)") from None
    if said.schema_version != SCHEMA_VERSION:
        raise Unreadable(f"{where} is of schema {said.schema_version}, not {SCHEMA_VERSION}")
    yield Use(said.contract, said.operation, tuple(sorted(said.features)))
    if said.requires:
        yield Use(said.contract, "", tuple(sorted(said.requires)))


def _spanned(attributes: Attributes, where: str) -> Iterator[Use]:
    """The use that a span tells of; none where it is not one of ours."""
    operation, features = attributes.get(_OPERATION), attributes.get(_FEATURES)
    if operation is None:
        return
    if not isinstance(operation, str) or not isinstance(features, list | tuple):
        raise Unreadable(f"{where}: the span does not tell {_FEATURES}; record it anew")
    yield Use(operation.partition(".")[0], operation, tuple(sorted(map(str, features))))


def _exported(said: Mapping[str, object]) -> Iterator[Attributes]:
    """The attributes of each span in a line of OTLP's JSON."""
    for resource in _list(said.get("resourceSpans")):
        for scope in _list(_mapping(resource).get("scopeSpans")):
            for span in _list(_mapping(scope).get("spans")):
                pairs = map(_mapping, _list(_mapping(span).get("attributes")))
                yield {str(pair.get("key")): _value(_mapping(pair.get("value"))) for pair in pairs}


def _value(said: Mapping[str, object]) -> object:
    if "arrayValue" in said:
        return [_value(_mapping(one)) for one in _list(_mapping(said["arrayValue"]).get("values"))]
    return said.get("stringValue")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
