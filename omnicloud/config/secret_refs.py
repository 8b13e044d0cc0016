"""References to secrets in options: ``"secret:name"`` and ``"secret:service/name"``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omnicloud.config.problems import Path

__all__ = ["SCHEME", "SecretRef", "references", "replaced"]

SCHEME = "secret:"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret by the service that keeps it and its name there.

    Attributes:
        service: A service of the contract ``secrets``; ``None`` for the default one. A name
            that holds a slash needs its service said.
        name: May be empty in a reference that is a mistake.
    """

    service: str | None
    name: str

    @classmethod
    def of(cls, value: object) -> SecretRef | None:
        """The reference that a value is, if it is one."""
        if not isinstance(value, str) or not value.startswith(SCHEME):
            return None
        service, slash, name = value.removeprefix(SCHEME).partition("/")
        return cls(service, name) if slash else cls(None, service)

    def __str__(self) -> str:
        return f"{SCHEME}{self.service}/{self.name}" if self.service else SCHEME + self.name


def references(value: object, path: Path = ()) -> Iterator[tuple[Path, SecretRef]]:
    """Every reference inside a value, with its path."""
    if (reference := SecretRef.of(value)) is not None:
        yield path, reference
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from references(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from references(inner, (*path, index))


def replaced(value: object, secrets: Mapping[Path, str], path: Path = ()) -> object:
    """A copy of a value with the secrets put in at their paths."""
    if path in secrets:
        return secrets[path]
    if isinstance(value, Mapping):
        return {name: replaced(inner, secrets, (*path, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, secrets, (*path, at)) for at, inner in enumerate(value)]
    return value
