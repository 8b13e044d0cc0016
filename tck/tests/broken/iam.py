"""iam drivers that judge other rules, questions or patterns than they were given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import (
    Access,
    Conditions,
    Decision,
    Effect,
    Policy,
    Reason,
)
from omnicloud.contracts.iam.patterns import matches
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract

YES = Decision(True, Reason.ALLOWED)
Match = Callable[[str, str], bool]


def iam(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, IAMContract)


class Judged(MemoryIAM):
    """A driver that decides as it likes."""

    def judge(self, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(policies, access)

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return self.judge(self._policies(), op.access)


def changed(number: str, tier: str, summary: str, how: Callable[[Policy], Policy]) -> None:
    """Enter a driver that reads rules as other ones."""

    def judge(self: Any, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(tuple(map(how, policies)), access)

    iam(number, tier, summary)(type(f"Changed{number}", (Judged,), {"judge": judge}))


def viewed(number: str, tier: str, summary: str, how: Callable[[Access], Access]) -> None:
    """Enter a driver that reads requests as other ones."""

    def judge(self: Any, policies: tuple[Policy, ...], access: Access) -> Decision:
        return evaluate(policies, how(access))

    iam(number, tier, summary)(type(f"Viewed{number}", (Judged,), {"judge": judge}))


def matched(number: str, tier: str, summary: str, match: Match) -> None:
    """Enter a driver that matches patterns in another way."""

    def bounded(pattern: str, text: str) -> bool:
        # Expressions try again at each star; only the one that is wrong by it may.
        cheap = pattern.count("*") < 4 or number == "IA17"
        return match(pattern, text) if cheap else matches(pattern, text)

    def judge(self: Any, policies: tuple[Policy, ...], access: Access) -> Decision:
        asked = (access.principal, access.action, access.resource)
        exact = tuple(_exact(policy, asked, bounded) for policy in policies)
        return evaluate(exact, access)

    iam(number, tier, summary)(type(f"Matched{number}", (Judged,), {"judge": judge}))


def _exact(policy: Policy, asked: tuple[str, str, str], match: Match) -> Policy:
    """The rule with its patterns replaced by ``*`` where they match, by themselves otherwise."""
    principals, actions, resources = (
        tuple("*" if match(pattern, text) else "-" for pattern in patterns)
        for patterns, text in zip(
            (policy.principals, policy.actions, policy.resources), asked, strict=True
        )
    )
    groups = tuple(pattern for pattern in policy.principals if pattern.startswith("group:"))
    return replace(policy, principals=principals + groups, actions=actions, resources=resources)


def _regex(pattern: str) -> str:
    return ".*".join(map(re.escape, pattern.split("*")))


def _without_case(pattern: str, text: str) -> bool:
    return re.fullmatch(_regex(pattern), text, re.DOTALL | re.IGNORECASE) is not None


def _composed(pattern: str, text: str) -> bool:
    text = unicodedata.normalize("NFC", text)
    return re.fullmatch(_regex(pattern), text, re.DOTALL) is not None


def _many_stars(pattern: str, text: str) -> bool:
    return re.fullmatch(_regex(pattern), text, re.DOTALL) is not None


matched("IA03", "T0", "stars are compared literally", lambda pattern, text: pattern == text)
matched(
    "IA03b",
    "T1",
    "a star is one at the end only",
    lambda p, t: t.startswith(p[:-1]) if p.endswith("*") else p == t,
)
matched(
    "IA03c",
    "T1",
    "a star is at least one",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(".*", ".+"), t, re.DOTALL)),
)
matched(
    "IA03d",
    "T1",
    "a star stops at a slash",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(".*", "[^/]*"), t, re.DOTALL)),
)
matched(
    "IA03e", "T1", "a star stops at a line's end", lambda p, t: bool(re.fullmatch(_regex(p), t))
)
matched(
    "IA07", "T4", "patterns match as prefixes", lambda p, t: bool(re.match(_regex(p), t, re.DOTALL))
)
matched(
    "IA08",
    "T4",
    "patterns match as substrings",
    lambda p, t: bool(re.search(_regex(p), t, re.DOTALL)),
)
matched(
    "IA08b",
    "T4",
    "patterns match as ends",
    lambda p, t: bool(re.search(_regex(p) + r"\Z", t, re.DOTALL)),
)
matched(
    "IA08c",
    "T4",
    "a newline at the end is overlooked",
    lambda p, t: bool(re.match(_regex(p) + "$", t, re.DOTALL)),
)
matched("IA12", "T4", "case is ignored", _without_case)
matched("IA12b", "T4", "letters are normalised", _composed)
matched("IA15", "T1", "patterns are those of a shell", lambda p, t: fnmatchcase(t, p))
matched(
    "IA15b",
    "T1",
    "a question mark is any character",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(r"\?", "."), t, re.DOTALL)),
)
matched(
    "IA15c",
    "T1",
    "a dot is any character",
    lambda p, t: bool(re.fullmatch(_regex(p).replace(r"\.", "."), t, re.DOTALL)),
)
matched(
    "IA15d",
    "T4",
    "a bar is an alternative",
    lambda p, t: any(re.fullmatch(_regex(q), t, re.DOTALL) for q in p.split("|")),
)
matched(
    "IA15e",
    "T1",
    "per cent and underscore are SQL's",
    lambda p, t: bool(re.fullmatch(_regex(p).replace("%", ".*").replace("_", "."), t, re.DOTALL)),
)
matched("IA17", "T2", "many stars cost without bound", _many_stars)
matched(
    "IA18",
    "T4",
    "a star in the request matches",
    lambda p, t: t == "*" or bool(re.fullmatch(_regex(p), t, re.DOTALL)),
)
matched(
    "IA19",
    "T1",
    "blanks around are stripped",
    lambda p, t: bool(re.fullmatch(_regex(p.strip()), t.strip(), re.DOTALL)),
)

changed("IA04", "T4", "the principal is ignored", lambda p: replace(p, principals=("*",)))
changed("IA05", "T4", "the resource is ignored", lambda p: replace(p, resources=("*",)))
changed("IA05b", "T4", "the action is ignored", lambda p: replace(p, actions=("*",)))
changed(
    "IA20",
    "T1",
    "the first of a list alone counts",
    lambda p: replace(p, resources=p.resources[:1], principals=p.principals[:1]),
)
changed("IA21", "T4", "conditions are ignored", lambda p: replace(p, conditions=Conditions()))
changed(
    "IA21b",
    "T4",
    "conditions on the tenant are ignored",
    lambda p: replace(p, conditions=replace(p.conditions, tenants=())),
)
changed(
    "IA21c",
    "T4",
    "conditions on tags are ignored",
    lambda p: replace(p, conditions=replace(p.conditions, tags=())),
)
changed(
    "IA21d",
    "T4",
    "the end of a window is ignored",
    lambda p: replace(p, conditions=replace(p.conditions, not_after=None)),
)
changed(
    "IA21e",
    "T4",
    "conditions on the region are ignored",
    lambda p: replace(p, conditions=replace(p.conditions, regions=())),
)
changed(
    "IA21f",
    "T4",
    "one tag of several is enough",
    lambda p: replace(p, conditions=replace(p.conditions, tags=p.conditions.tags[:1])),
)
changed(
    "IA02",
    "T0",
    "deny is ignored",
    lambda p: replace(p, principals=()) if p.effect is Effect.DENY else p,
)
changed(
    "IA02b",
    "T4",
    "deny counts only where its resource has no star",
    lambda p: replace(p, actions=()) if p.effect is Effect.DENY and "*" in p.resources[0] else p,
)
changed("IA02c", "T4", "deny counts as allow", lambda p: replace(p, effect=Effect.ALLOW))

viewed("IA22", "T4", "groups are forgotten", lambda a: replace(a, groups=frozenset()))
viewed("IA22b", "T4", "everyone is staff", lambda a: replace(a, groups=a.groups | {"staff"}))
viewed(
    "IA22c",
    "T4",
    "groups are folded",
    lambda a: replace(a, groups=frozenset(map(str.lower, a.groups))),
)
viewed("IA23", "T1", "moments are cut to minutes", lambda a: replace(a, at=a.at // 60 * 60))
viewed("IA24", "T1", "the moment asked about is ignored", lambda a: replace(a, at=1.7e9))
