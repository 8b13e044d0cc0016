"""The laws of iam about look-alikes, large sets, whole conditions and what is kept."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from omnicloud.contracts.iam import IAM, Access, IAMFeature, IAMLimits, Reason
from omnicloud.contracts.iam.driver import Decide
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import each, equal, that
from omnicloud_tck.iam.rules import ALICE, READ, RULE, IAMLaws, asked, replaces, rule
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.telling import refusal
from omnicloud_tck.world import World

__all__ = ["MoreRules"]

_CONDITIONS = [IAMFeature.CONDITIONS]
_MANAGE = [IAMFeature.MANAGE]
_ASKED = (ALICE, READ, "doc/1")
_ALIKE = (
    *("fi", "\ufb01", "Fi", "f\u200bi", "fi ", "f\u0456", "\uff46i"),
    *("caf\u00e9", "cafe\u0301", "\u00c5", "\u212b"),
)
"""Texts that a fold, a normal form or an eye would take for one another."""
_MARKS = (0, 1, 48, 99, 100, 101, 127, 255, 256, 499, 500, 511, 512, 999, 1000, 1001)


class MoreRules(IAMLaws):
    """What is promised beyond the usual cases."""

    @law(
        "IAM-060",
        "What only looks alike is another: principal, group, action, resource.",
        rung=Rung.TRUST,
    )
    async def look_alikes_are_others(self, world: World[Any]) -> None:
        for own in _ALIKE:
            rules = [
                rule("Allow", principal=f"user:{own}", resource="by principal"),
                rule("Allow", principal=f"group:{own}", resource="by group"),
                rule("Allow", action=own, resource="by action"),
                rule("Allow", resource=own),
                rule("Deny", principal="user:bob", resource=own),
                rule("Allow", principal="user:bob", resource="*"),
            ]
            iam = await self.portable(world, rules)
            for other in _ALIKE:
                same = other == own
                cases = {
                    (f"user:{other}", READ, "by principal"): same,
                    (ALICE, other, "by action"): same,
                    (ALICE, READ, other): same,
                    ("user:bob", READ, other): not same,
                }
                await asked(iam, cases)
                await asked(iam, {(ALICE, READ, "by group"): same}, groups=[other])

    @law("IAM-061", "Every rule of a large set counts, the last as the first.")
    async def large_sets_are_whole(self, world: World[Any]) -> None:
        count = await self._most(world)
        many = [rule("Allow", resource=f"many/{number}") for number in range(count)]
        special = [rule("Allow", resource="extra"), rule("Deny", resource="many/5*")]
        for rules in ([*many, *special], [*special, *many]):
            iam = await self.portable(world, rules)
            cases = {
                (ALICE, READ, f"many/{number}"): not str(number).startswith("5")
                for number in (*_MARKS, count - 1)
                if number < count
            }
            await asked(iam, {**cases, (ALICE, READ, "extra"): True, (ALICE, READ, "many/"): False})
            if replaces(iam):
                told = [each["resource"] for each in await iam.policies()]
                equal([[each["resource"]] for each in rules], told, "the rules, all in their order")

    async def _most(self, world: World[Any]) -> int:
        """How many rules there may be, and two more."""
        limits: IAMLimits = (await world.pipeline()).driver.limits
        return min(1100, limits.policies_max - 2)

    @law("IAM-066", "A rule that denies denies each of its alternatives.")
    async def denials_are_alternatives(self, world: World[Any]) -> None:
        deny = {
            "effect": "Deny",
            "principal": ["user:eve", "group:banned", "bot:*"],
            "action": ["kv:delete", READ, "s3:*"],
            "resource": ["doc/0", "doc/1", "secret/*"],
        }
        iam = await self.portable(world, [rule("Allow", "*", "*", "*"), deny])
        for action in ("kv:delete", READ, "s3:put"):
            for resource in ("doc/0", "doc/1", "secret/x"):
                for principal in ("user:eve", "bot:1"):
                    await asked(iam, {(principal, action, resource): False})
                await asked(iam, {(ALICE, action, resource): False}, groups=["x", "banned"])
                await asked(iam, {(ALICE, action, resource): True}, groups=["x"])
        others = {("user:eve", "kv:set", "doc/1"): True, ("user:eve", READ, "doc/2"): True}
        await asked(iam, others, groups=["banned"])

    @law(
        "IAM-062",
        "Rules come back with all their conditions, and decide alike when put again.",
        needs=_MANAGE + _CONDITIONS,
    )
    async def conditions_come_back(self, world: World[Any]) -> None:
        conditions: tuple[dict[str, Any], ...] = (
            {"tags": {"stage": "prod", "team": ["a", "b*"]}},
            {"tenant": ["acme", "corp-*"], "region": "eu-*"},
            {"not_before": "2026-01-31T12:00:30+00:00", "not_after": "2026-02-01T00:00:00+01:00"},
            {"tenant": "é🦀", "tags": {"": "*", "with space": "*x*"}},
        )
        rules = [
            rule("Deny" if number % 2 else "Allow", id=f"r{number}", condition=condition)
            for number, condition in enumerate(conditions)
        ]
        iam, other = await self.portable(world, rules), await self.portable(world)
        told = await other.policies()
        for number, condition in enumerate(conditions):
            equal(_plain(condition), _plain(told[number].get("condition", {})), f"of rule {number}")
        await other.replace(told)
        equal(told, await iam.policies(), "what was told, put again")
        cases: tuple[tuple[dict[str, Any], bool], ...] = (
            ({"tags": {"stage": "prod", "team": "a"}, "tenant": "x", "region": "us"}, True),
            ({"tags": {"stage": "test", "team": "a"}, "tenant": "x", "region": "us"}, False),
            ({"tags": {"stage": "prod", "team": "a"}, "tenant": "acme", "region": "eu-1"}, False),
        )
        for facts, expected in cases:
            await asked(iam, {_ASKED: expected}, **facts)

    @law(
        "IAM-063",
        "Replacing rules that is cancelled leaves all the old ones or all the new.",
        needs=_MANAGE,
        rung=Rung.CONCURRENCY,
    )
    async def a_cancelled_replacement_is_whole(self, world: World[Any]) -> None:
        sides = [
            [rule("Allow", resource=f"{side}/{number}") for number in range(6)]
            for side in ("old", "new")
        ]
        one, two = await self.portable(world, sides[0]), await self.portable(world)
        for turns in range(14):
            await one.replace(sides[0])
            task = asyncio.ensure_future(one.replace(sides[1]))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for iam in (one, two):
                found = {rule_["resource"][0] for rule_ in await iam.policies()}
                whole = [{each["resource"] for each in side} for side in sides]
                that(found in whole, f"after a cancellation at turn {turns}: {sorted(found)}")
        await two.replace(sides[0])
        await world.sleep(1.0)
        await asked(two, {(ALICE, READ, "old/0"): True, (ALICE, READ, "new/0"): False})

    @law(
        "IAM-064",
        "A store that is down decides nothing by what it said before.",
        needs=_MANAGE,
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_decides_nothing(self, world: World[Any]) -> None:
        one, two = await self.portable(world, [RULE]), await self.portable(world)
        for iam in (one, two, one, two):
            await asked(iam, {_ASKED: True, (ALICE, READ, "doc/2"): False})
            await iam.policies()
        async with world.outage():
            for iam in (one, two):
                for call in each(iam.is_allowed(*_ASKED), iam.replace([])):
                    error = await refusal(call, "a call in an outage")
                    known = isinstance(error, UnavailableError | DeadlineExceededError)
                    that(known, f"an outage is told as {type(error).__name__}")
        await one.replace([rule("Allow", resource="doc/2")])
        await asked(two, {_ASKED: False, (ALICE, READ, "doc/2"): True})

    @law(
        "IAM-065",
        "A driver that is asked without principal, action or resource says no, unhelped.",
        needs=_MANAGE,
        rung=Rung.TRUST,
    )
    async def drivers_deny_what_is_missing(self, world: World[Any]) -> None:
        await self.portable(world, [rule("Allow", principal="*", action="*", resource="*")])
        pipe = IAM(pipeline=await world.pipeline()).pipeline
        now = world.clock.wall()
        for parts in (("", READ, "doc/1"), (ALICE, "", "doc/1"), (ALICE, READ, ""), ("", "", "")):
            decision = await pipe.send(Decide(Access(*parts, at=now)))
            equal((False, Reason.INVALID), (decision.allowed, decision.reason), f"asked {parts}")
        decision = await pipe.send(Decide(Access(*_ASKED, at=now)))
        equal(True, decision.allowed, "asked with all three")


def _plain(condition: Any) -> dict[str, Any]:
    """Conditions with each pattern in a list, each moment in seconds."""
    plain: dict[str, Any] = {}
    for name, value in condition.items():
        if name == "tags":
            plain[name] = {tag: _listed(patterns) for tag, patterns in value.items()}
        elif name.startswith("not_"):
            plain[name] = datetime.fromisoformat(value).timestamp()
        else:
            plain[name] = _listed(value)
    return plain


def _listed(patterns: Any) -> list[str]:
    return [patterns] if isinstance(patterns, str) else list(patterns)
