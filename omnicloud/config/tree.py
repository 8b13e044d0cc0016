"""Values as they were said, nested as they were said, each with the place where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from omnicloud.config.problems import NOWHERE, Origin, Path

__all__ = ["Tree"]


@dataclass(frozen=True, slots=True)
class Tree:
    """Plain values (as TOML and JSON have them) and where each was said.

    Attributes:
        values: The values by name.
        origins: By path; a path that is not in it was said where its parent was.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[Path, Origin] = field(default_factory=dict)

    @classmethod
    def said(cls, values: Mapping[str, object], origin: Origin) -> Tree:
        """Values that were all said at one place."""
        places = dict.fromkeys(_leaves(values), origin)
        return cls(values, {(): origin, **places})

    def origin(self, path: Path) -> Origin:
        """Where the value at ``path`` was said, or what holds it, if it was not said."""
        for end in range(len(path), 0, -1):
            if (origin := self.origins.get(path[:end])) is not None:
                return origin
        return self.origins.get((), NOWHERE)

    def over(self, below: Tree) -> Tree:
        """Both, where this one wins; tables are merged, all else is replaced."""
        replaced = set(_leaves(self.values))
        kept = {
            path: origin
            for path, origin in below.origins.items()
            if not any(path[:end] in replaced for end in range(len(path) + 1))
        }
        # A table that both have keeps the place where it was first said.
        return Tree(_merged(below.values, self.values), {**self.origins, **kept})

    def at(self, path: Path) -> object:
        """The value at a path; ``None`` where there is none."""
        value: object = self.values
        for part in path:
            if isinstance(value, Mapping) and isinstance(part, str):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def _merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            result[name] = _merged(old, value)
        else:
            result[name] = value
    return result


def _leaves(values: Mapping[str, object], path: Path = ()) -> Iterator[Path]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name)
