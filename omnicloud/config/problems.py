"""What is wrong with a configuration: every mistake, where it stands, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from omnicloud.errors import ConfigurationError

__all__ = [
    "NOWHERE",
    "ConfigurationProblems",
    "Origin",
    "Path",
    "Problem",
    "did_you_mean",
    "dotted",
]

Path = tuple[str | int, ...]
"""The place of a value: ``("services", "orders", "url")``; an index for an array's element."""

_SHORT = 4


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was said: a file and its line, an environment variable, or a mapping.

    Attributes:
        source: The file's path, the variable's name, or what else it was.
        line: From 1, in a file.
    """

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


NOWHERE = Origin("configuration")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake.

    Attributes:
        path: ``"services.orders.url"``; empty where it is about a whole source.
        message: What is wrong and what was expected; never a value that may be a secret.
        hint: How to mend it.
        origin: Where it was said.
    """

    path: str
    message: str
    hint: str = ""
    origin: Origin = NOWHERE

    def __str__(self) -> str:
        text = ": ".join(part for part in (str(self.origin), self.path, self.message) if part)
        return f"{text}; {self.hint}" if self.hint else text

    def as_json(self) -> dict[str, str | int | None]:
        """The mistake as JSON values."""
        return {
            "source": self.origin.source,
            "line": self.origin.line,
            "path": self.path,
            "message": self.message,
            "hint": self.hint or None,
        }


class ConfigurationProblems(ConfigurationError):  # noqa: N818 - it is a list of them
    """All mistakes of a configuration at once. Nothing was opened.

    Args:
        problems: At least one; kept in the order of their places.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=_place))
        count = len(self.problems)
        head = "1 mistake" if count == 1 else f"{count} mistakes"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the configuration has {head}:{lines}")


def _place(problem: Problem) -> tuple[str, int, str, str]:
    origin = problem.origin
    return (origin.source, origin.line or 0, problem.path, problem.message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant, or all there is."""
    names = sorted(known)
    if not names:
        return "there is none"
    near = _nearest(word, names)
    return f"did you mean {near!r}?" if near else f"it can be: {', '.join(names)}"


def _nearest(word: str, names: Sequence[str]) -> str | None:
    by_folded = {name.casefold(): name for name in names}
    # One of two letters may be wrong; of longer words that is another word.
    cutoff = 0.5 if len(word) < _SHORT else 0.6
    near = get_close_matches(word.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[near[0]] if near else None


def dotted(path: Path) -> str:
    """A path as text, quoted where a name needs it: ``services."a.b".hosts[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part.replace("-", "").replace("_", "").isalnum() and part.isascii()
            text += ("." if text else "") + (part if bare else f'"{part}"')
    return text
