"""iam drivers at the places that the list of known faults leaves open."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.iam.driver import Decide, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Access, Decision, Effect, Policy, Reason
from omnicloud.errors import UnavailableError
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


def iam(number: str, tier: str, summary: str) -> Any:
    return broken(f"GAP-{number}", tier, summary, IAMContract)


class _Access(MemoryIAM):
    """Decides about something else than it is asked."""

    def asked(self, access: Access) -> Access:
        return access

    async def decide(self, op: Decide, /) -> Decision:
        return await super().decide(replace(op, access=self.asked(op.access)))


class _Rules(MemoryIAM):
    """Decides by other rules than it was given."""

    def rules(self, access: Access) -> tuple[Policy, ...]:
        return self._policies()

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        return evaluate(self.rules(op.access), op.access)


def _expression(pattern: str) -> str:
    return pattern.replace("*", ".*")


def _meant(
    patterns: tuple[str, ...], text: str, how: Callable[[str, str], bool]
) -> tuple[str, ...]:
    """The text itself where one pattern matches it in the wrong way, else nothing."""
    return (text,) if any(how(pattern, text) for pattern in patterns) else ()


@iam("IA09", "T4", "patterns are regular expressions, in which a dot is any character")
class Expressions(_Rules):
    def rules(self, access: Access) -> tuple[Policy, ...]:
        def how(pattern: str, text: str) -> bool:
            try:
                return re.fullmatch(_expression(pattern), text, re.DOTALL) is not None
            except re.error:
                return pattern == text

        return tuple(
            replace(
                one,
                actions=_meant(one.actions, access.action, how),
                resources=_meant(one.resources, access.resource, how),
            )
            for one in self._policies()
        )


@iam("IA11", "T4", "a deny with a wildcard has no effect")
class WildDeny(_Rules):
    def rules(self, access: Access) -> tuple[Policy, ...]:
        return tuple(
            one
            for one in self._policies()
            if one.effect is Effect.ALLOW or not any("*" in text for text in one.resources)
        )


@iam("IA13", "T4", "white space around principal, action and resource does not count")
class Trims(_Access):
    def asked(self, access: Access) -> Access:
        return replace(
            access,
            principal=access.principal.strip(),
            action=access.action.strip(),
            resource=access.resource.strip(),
        )


@iam("IA14", "T4", "compatible letters are equal: full-width 'admin' is 'admin'")
class Normalises(_Access):
    def asked(self, access: Access) -> Access:
        return replace(
            access,
            principal=unicodedata.normalize("NFKC", access.principal),
            action=unicodedata.normalize("NFKC", access.action),
            resource=unicodedata.normalize("NFKC", access.resource),
        )


@iam("IA17", "T1", "a star does not match a slash")
class StarStopsAtSlash(_Rules):
    def rules(self, access: Access) -> tuple[Policy, ...]:
        def how(pattern: str, text: str) -> bool:
            expression = "[^/]*".join(map(re.escape, pattern.split("*")))
            return pattern == "*" or re.fullmatch(expression, text, re.DOTALL) is not None

        return tuple(
            replace(one, resources=_meant(one.resources, access.resource, how))
            for one in self._policies()
        )


@iam("IA18", "T2", "replacing the rules takes the old ones away first")
class Gap(MemoryIAM):
    async def put_policies(self, op: PutPolicies, /) -> None:
        await super().put_policies(replace(op, policies=()))
        await asyncio.sleep(0)
        await super().put_policies(op)


@iam("IA19", "T3", "a client remembers its decisions, so a revoked right stays")
class Remembers(MemoryIAM):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._known: dict[tuple[str, str, str], Decision] = {}

    async def decide(self, op: Decide, /) -> Decision:
        decision = await super().decide(op)
        asked = op.access.principal, op.access.action, str(op.access.resource)
        if decision.allowed:
            self._known[asked] = decision
        return self._known.get(asked, decision)


@iam("IA20", "T4", "during an outage everything is allowed")
class OpenWhenDown(MemoryIAM):
    async def decide(self, op: Decide, /) -> Decision:
        try:
            return await super().decide(op)
        except UnavailableError:
            return Decision(True, Reason.ALLOWED)


@iam("IA21", "T4", "the principal '*' in a deny matches no one")
class StarPrincipalDeny(_Rules):
    def rules(self, access: Access) -> tuple[Policy, ...]:
        return tuple(
            one
            for one in self._policies()
            if one.effect is Effect.ALLOW or one.principals != ("*",)
        )
