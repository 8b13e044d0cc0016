"""iam drivers that a fourteenth count found alive, and their kin: signs, far moments, long sets."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, Policy
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract

_RULES = "rules"


def iam(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND14-IA-{number}", tier, summary, IAMContract)


class Reads(MemoryIAM):
    """Decides by rules that it reads in its own way."""

    def read(self, rule: Policy) -> Policy:
        return rule

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(tuple(map(self.read, self._policies())), op.access)


class Patterned(Reads):
    """Reads patterns in its own way."""

    def pattern(self, text: str) -> str:
        return text

    def read(self, rule: Policy) -> Policy:
        parts = {name: getattr(rule, name) for name in ("principals", "actions", "resources")}
        return replace(rule, **{name: tuple(map(self.pattern, of)) for name, of in parts.items()})


@iam("01", "T1", "a backslash before a star takes the star for a letter")
class Escapes(Patterned):
    def pattern(self, text: str) -> str:
        return text.replace("\\*", "\\\0")


@iam("02", "T1", "spaces and line ends around a pattern are cut off")
class Stripped(Patterned):
    def pattern(self, text: str) -> str:
        return text.strip() or text


@iam("03", "T1", "what follows a # in a pattern is a remark")
class Remarked(Patterned):
    def pattern(self, text: str) -> str:
        return text.partition("#")[0] if "*" in text and "#" in text[1:] else text


@iam("04", "T4", "a star before the end of a pattern stands for no slash, so that a deny is narrow")
class OneSegment(Reads):
    async def decide(self, op: Decide, /) -> Decision:
        narrow = [
            rule
            for rule in self._policies()
            if not any(_inner(one, op.access.resource) for one in rule.resources)
        ]
        return evaluate(tuple(narrow), op.access)


def _inner(pattern: str, resource: str) -> bool:
    head, star, tail = pattern.partition("*")
    middle = resource[len(head) : len(resource) - len(tail)]
    return bool(star and tail and resource.startswith(head) and "/" in middle)


class Timed(Reads):
    """Keeps the moments of conditions in its own way."""

    def moment(self, at: float) -> float | None:
        return at

    def read(self, rule: Policy) -> Policy:
        conditions = rule.conditions
        bounds = {name: getattr(conditions, name) for name in ("not_before", "not_after")}
        kept = {name: at if at is None else self.moment(at) for name, at in bounds.items()}
        return replace(rule, conditions=replace(conditions, **kept))


@iam("05", "T1", "moments from 2038 on are others, as in 32 bits with a sign")
class Signed(Timed):
    def moment(self, at: float) -> float | None:
        return at if -(2**31) <= at < 2**31 else (at + 2**31) % 2**32 - 2**31


@iam("06", "T1", "a bound beyond 2100 is none")
class Endless(Timed):
    def moment(self, at: float) -> float | None:
        return None if at > 4_102_444_800 else at


@iam("08", "T1", "a bound at the first second of 1970 is none")
class Zero(Timed):
    def moment(self, at: float) -> float | None:
        return at or None


class Parts(MemoryIAM):
    """Puts rules part by part."""

    def parts(self, rules: tuple[Policy, ...]) -> list[tuple[Policy, ...]]:
        return [rules]

    async def put_policies(self, op: PutPolicies, /) -> None:
        for part in self.parts(op.policies):
            await self._store.reading()
            self._store.rows(self._table)[_RULES] = part


@iam("09", "T2", "of more than a hundred rules each hundred is in force before the next")
class Hundreds(Parts):
    def parts(self, rules: tuple[Policy, ...]) -> list[tuple[Policy, ...]]:
        return [rules[:end] for end in range(100, len(rules) + 100, 100)] or [()]


@iam("10", "T2", "a set of more than two hundred rules is in force after a moment without any")
class Emptied(Parts):
    def parts(self, rules: tuple[Policy, ...]) -> list[tuple[Policy, ...]]:
        return [(), rules] if len(rules) > 200 else [rules]


@iam("11", "T1", "of rules beyond 256 nothing is kept")
class Cut(Parts):
    def parts(self, rules: tuple[Policy, ...]) -> list[tuple[Policy, ...]]:
        return [rules[:256]]


class Matched(MemoryIAM):
    """Compares by a library's patterns where a pattern has a star and a sign of its language."""

    def matches(self, pattern: str) -> Callable[[str], object]:
        return lambda text: text == pattern

    async def decide(self, op: Decide, /) -> Decision:
        access = op.access
        rules = tuple(
            replace(
                rule, resources=tuple(self._fixed(one, access.resource) for one in rule.resources)
            )
            for rule in self._policies()
        )
        return evaluate(rules, access)

    def _fixed(self, pattern: str, text: str) -> str:
        """The text itself where the library says that they match."""
        return (text if self.matches(pattern)(text) else "\0") if "*" in pattern else pattern


@iam("12", "T1", "patterns are those of the shell: a question mark is one letter, brackets are one")
class Shell(Matched):
    def matches(self, pattern: str) -> Callable[[str], object]:
        return lambda text: fnmatch.fnmatchcase(text, pattern)


@iam("13", "T1", "a pattern is an expression in which only the star was written anew")
class Expression(Matched):
    def matches(self, pattern: str) -> Callable[[str], object]:
        try:
            return re.compile(pattern.replace("*", ".*"), re.DOTALL).fullmatch
        except re.error:
            return lambda _: False


@iam("14", "T1", "a star does not stand for the ends of lines")
class OneLine(Matched):
    def matches(self, pattern: str) -> Callable[[str], object]:
        return re.compile(".*".join(map(re.escape, pattern.split("*")))).fullmatch


@iam("15", "T1", "a percent sign in a pattern with stars is one more star, as in SQL")
class Like(Matched):
    def matches(self, pattern: str) -> Callable[[str], object]:
        parts = (re.escape(part) for part in re.split("[*%]", pattern))
        return re.compile(".*".join(parts), re.DOTALL).fullmatch
