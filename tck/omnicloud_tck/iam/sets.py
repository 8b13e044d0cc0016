"""The laws of the iam contract about circumstances, about reasons and about sets of rules."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.iam import IAMFeature, Reason
from omnicloud.errors import (
    ClosedError,
    DeadlineExceededError,
    InvalidArgumentError,
    OmniCloudError,
    UnavailableError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.iam.rules import ALICE, READ, RULE, IAMLaws, asked, replaces, rule
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.world import World

__all__ = ["RuleSets"]

_CONDITIONS = [IAMFeature.CONDITIONS]
_MANAGE = [IAMFeature.MANAGE]
_ASKED = (ALICE, READ, "doc/1")
_SILENCES = (4000.0, 90_000.0, 31 * 86_400.0)
_NOON = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_QUESTIONS = 120  # of three each, at most
_SECONDS = 1.0  # real ones, for a pattern that costs ten where matching tries again


class RuleSets(IAMLaws):
    """Groups, conditions, explanations, replacing, crashes, and a model."""

    @law("IAM-020", "A rule for a group is for each of its members, and for no one else.")
    async def groups_are_their_members(self, world: World[Any]) -> None:
        iam = await self.portable(world, [rule("Allow", principal="group:staff")])
        await asked(iam, {_ASKED: True}, groups=["staff"])
        await asked(iam, {_ASKED: True}, groups=["guests", "group:staff"])
        for many in (11, 33, 101):
            crowd = [f"{letter}{number}" for number in range(many) for letter in "az"]
            await asked(iam, {_ASKED: True}, groups=[*crowd[:many], "staff", *crowd[many:]])
        for others in ([], ["guests"], ["STAFF"], ["staff2"], ["sta"], ["*"], ["group:staff2"]):
            await asked(iam, {_ASKED: False}, groups=others)
        direct = await self.portable(world, [RULE, rule("Deny", principal="group:banned")])
        await asked(direct, {_ASKED: True}, groups=["staff"])
        await asked(direct, {_ASKED: False}, groups=["staff", "banned"])
        named = await self.portable(world, [rule("Allow", principal="staff")])
        await asked(named, {_ASKED: False}, groups=["staff"])

    @law(
        "IAM-021", "A rule applies only where its conditions hold, all of them.", needs=_CONDITIONS
    )
    async def conditions_must_hold(self, world: World[Any]) -> None:
        condition = {
            "tenant": ["acme", "corp-*"],
            "region": "eu-*",
            "tags": {"stage": "prod", "team": ["a", "b*"]},
        }
        iam = await self.portable(world, [rule("Allow", condition=condition)])
        facts: dict[str, Any] = {
            "tenant": "acme",
            "region": "eu-1",
            "tags": {"stage": "prod", "team": "blue", "more": "x"},
        }
        await asked(iam, {_ASKED: True}, **facts)
        await asked(iam, {_ASKED: True}, **{**facts, "tenant": "corp-1"})
        for other in (
            {"tenant": "acme2"},
            {"tenant": "ACME"},
            {"region": "us-1"},
            {"tags": {"stage": "prod", "team": "c"}},
            {"tags": {"stage": "test", "team": "a"}},
            {"tags": {"STAGE": "prod", "team": "a"}},
        ):
            await asked(iam, {_ASKED: False}, **{**facts, **other})

    @law(
        "IAM-022",
        "What a condition asks and the request does not say allows nothing, and denies.",
        needs=_CONDITIONS,
    )
    async def the_unknown_does_not_allow(self, world: World[Any]) -> None:
        for condition in ({"tenant": "acme"}, {"region": "*"}, {"tags": {"stage": "*"}}):
            allow = await self.portable(world, [rule("Allow", condition=condition)])
            await asked(allow, {_ASKED: False})
            rules = [RULE, rule("Deny", condition=condition)]
            await asked(await self.portable(world, rules), {_ASKED: False})
        empty = {"stage": ""}  # which is told
        allow = await self.portable(world, [rule("Allow", condition={"tags": {"stage": "*"}})])
        await asked(allow, {_ASKED: True}, tags=empty)
        rules = [RULE, rule("Deny", condition={"tags": {"stage": "prod"}})]
        await asked(await self.portable(world, rules), {_ASKED: True}, tags=empty)

    @law(
        "IAM-023",
        "A window of time begins with its first moment and ends before its last.",
        needs=_CONDITIONS,
    )
    async def windows_of_time(self, world: World[Any]) -> None:
        later = _NOON + timedelta(hours=1)
        window = {"not_before": _NOON.isoformat(), "not_after": "2026-01-31T14:00:30+01:00"}
        iam = await self.portable(world, [rule("Allow", condition=window)])
        moments = {_NOON - _SECOND: False, _NOON: True, later - _SECOND: True, later: False}
        for moment, expected in moments.items():
            await asked(iam, {_ASKED: expected}, at=moment)
        await asked(iam, {_ASKED: False})
        from_now = await self.portable(world, [rule("Allow", condition={"not_before": _NOON})])
        await asked(from_now, {_ASKED: False}, at=_NOON - _SECOND)
        await asked(from_now, {_ASKED: True}, at=_NOON)

    @law(
        "IAM-024",
        "A rule whose conditions cannot be evaluated denies.",
        needs=_CONDITIONS,
        rung=Rung.TRUST,
    )
    async def failing_rules_deny(self, world: World[Any]) -> None:
        odd: Any = {"stage": 5}
        condition = {"tags": {"stage": "p*"}}
        for effect in ("Allow", "Deny"):
            iam = await self.portable(world, [rule(effect, condition=condition), RULE])
            await asked(iam, {_ASKED: False}, tags=odd)
            await asked(iam, {_ASKED: effect == "Allow"}, tags={"stage": "prod"})

    @law(
        "IAM-025",
        "An explanation names the rule that decided, and why.",
        needs=[IAMFeature.EXPLAIN],
    )
    async def explanations_name_the_rule(self, world: World[Any]) -> None:
        rules = [
            rule("Allow", resource="other", id="first"),
            rule("Allow", resource="doc/*", id="readers"),
            rule("Deny", resource="doc/secret", id="secret"),
        ]
        iam = await self.portable(world, rules)
        for resource, expected in {
            "doc/1": (True, Reason.ALLOWED, "readers"),
            "doc/secret": (False, Reason.DENIED, "secret"),
            "elsewhere": (False, Reason.NO_RULE, None),
            "": (False, Reason.INVALID, None),
        }.items():
            told = await iam.explain(ALICE, READ, resource)
            equal(expected, (told.allowed, told.reason, told.policy), f"about {resource!r}")
            answer = await iam.is_allowed(ALICE, READ, resource)
            equal(told.allowed, answer, f"the answer about {resource!r}")

    @law(
        "IAM-030",
        "Rules are replaced whole, for every client, once that is acknowledged.",
        needs=_MANAGE,
        rung=Rung.CONCURRENCY,
    )
    async def rules_are_replaced(self, world: World[Any]) -> None:
        one, two = await self.portable(world, [RULE]), await self.portable(world)
        await asked(two, {_ASKED: True})
        for turn in range(6):
            await one.replace([rule("Allow", resource=f"turn/{turn}"), rule("Deny")])
            cases = {_ASKED: False, (ALICE, READ, f"turn/{turn}"): True}
            await asked(two, {**cases, (ALICE, READ, f"turn/{turn - 1}"): False})
        await two.replace([])
        await asked(one, {_ASKED: False, (ALICE, READ, "turn/5"): False})
        equal([], await one.policies(), "the rules, none of which are left")

    @law(
        "IAM-031",
        "The rules that were put are the rules that are told, however long nobody asks.",
        needs=_MANAGE,
        patience=60 * 86_400.0,
    )
    async def rules_come_back(self, world: World[Any]) -> None:
        rules = [
            rule("Allow", id="one", resource="a*b?[\n]\0é🦀"),
            rule("Deny", id="two", principal="group:x", action="*"),
            rule("Allow", id="three", resource="doc/3"),
        ]
        one = await self.portable(world, rules)
        told = await one.policies()
        equal(["one", "two", "three"], [each["id"] for each in told], "the rules in their order")
        two = await self.portable(world)
        equal(told, await two.policies(), "what another client is told")
        for silence in _SILENCES if world.virtual else ():
            await world.sleep(silence)
            equal(told, await two.policies(), f"the rules after {silence:.0f} s")
        await two.replace(told)
        equal(told, await one.policies(), "what was told, put again")
        await asked(one, {(ALICE, READ, "a*b?[\n]\0é🦀"): True, (ALICE, READ, "axb?"): False})

    @law("IAM-032", "A set with mistakes is refused whole; the rules in force stay.", needs=_MANAGE)
    async def mistakes_change_nothing(self, world: World[Any]) -> None:
        iam = await self.portable(world, [RULE])
        bad = {"effect": "Permit", "principal": "*", "action": "*", "resource": "*"}
        for rules in ([bad], [rule("Deny"), bad], [bad, rule("Deny")], [rule("Deny"), {}]):
            with refused(InvalidArgumentError, "a set of rules with a mistake"):
                await iam.replace(rules)
            await asked(iam, {_ASKED: True, (ALICE, READ, "doc/2"): False})
        twins = [rule("Deny", id="same"), rule("Deny", id="same")]
        with refused(InvalidArgumentError, "two rules of one id"):
            await iam.replace(twins)
        await asked(iam, {_ASKED: True})

    @law(
        "IAM-033",
        "While rules are replaced each decision sees all old or all new ones.",
        needs=_MANAGE,
        rung=Rung.CONCURRENCY,
    )
    async def replacing_is_atomic(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        most = min(40, one.pipeline.driver.limits.policies_max - 3)
        filler = [rule("Allow", resource=f"filler/{number}") for number in range(most)]
        both = rule("Allow", resource="both")
        old = [both, rule("Allow", resource="old/*"), *filler, rule("Deny", resource="old/1")]
        new = [rule("Deny", resource="new/1"), *filler, rule("Allow", resource="new/*"), both]
        await one.replace(old)
        questions = [(ALICE, READ, resource) for resource in ("both", "old/1", "new/1")]
        changing = asyncio.ensure_future(_replaced(one, [new, old] * 5))
        try:
            for _ in range(_QUESTIONS):
                asking = (two.is_allowed(*question) for question in questions)
                told = await asyncio.gather(*asking)
                equal([True, False, False], told, "decisions while rules are replaced")
                if changing.done():
                    break
        finally:
            await changing

    @law(
        "IAM-034",
        "Concurrent callers get the answers to their own questions.",
        rung=Rung.CONCURRENCY,
    )
    async def answers_belong_to_the_asker(self, world: World[Any]) -> None:
        iam = await self.portable(world, [rule("Allow", resource="mine/*")])
        requests = [(ALICE, READ, f"{'mine' if n % 3 else 'other'}/{n}") for n in range(60)]
        answers = await asyncio.gather(*(iam.is_allowed(*request) for request in requests))
        equal([bool(n % 3) for n in range(60)], answers, "the answers to 60 questions at once")

    @law("IAM-035", "No pattern makes a decision slow.", alone=True, rung=Rung.TRUST)
    async def patterns_do_not_blow_up(self, world: World[Any]) -> None:
        iam = await self.portable(world, [rule("Allow", resource="*a" * 6 + "*b")])
        await asked(iam, {(ALICE, READ, "ab"): False})
        started = time.perf_counter()
        await asked(iam, {(ALICE, READ, "a" * 72): False})
        passed = time.perf_counter() - started
        that(passed < _SECONDS, f"a decision took {passed:.1f} s")

    @law(
        "IAM-040",
        "Closing is clean: twice is silent, afterwards questions are refused.",
        rung=Rung.RESILIENCE,
    )
    async def closing_is_clean(self, world: World[Any]) -> None:
        iam = await self.portable(world, [RULE])
        await asked(iam, {_ASKED: True})
        await iam.aclose()
        await iam.aclose()
        with refused(ClosedError, "a question after the close"):
            await iam.is_allowed(*_ASKED)

    @law(
        "IAM-041",
        "A store that is down gives an error, never a yes.",
        needs=_MANAGE,
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_allows_nothing(self, world: World[Any]) -> None:
        iam = await self.portable(world, [RULE])
        async with world.outage():
            for resource in ("doc/1", "doc/2"):
                try:
                    answer = await iam.is_allowed(ALICE, READ, resource)
                except OmniCloudError as error:
                    known = isinstance(error, UnavailableError | DeadlineExceededError)
                    that(known, f"an outage is told as {type(error).__name__}")
                else:
                    equal(False, answer, "a question in an outage")
        await asked(iam, {_ASKED: True, (ALICE, READ, "doc/2"): False})

    @law(
        "IAM-042",
        "Rules survive a crash of the store where durable is declared.",
        needs=[IAMFeature.DURABLE, IAMFeature.MANAGE],
        abilities=[Ability.RESTART],
    )
    async def rules_survive_a_crash(self, world: World[Any]) -> None:
        await self.portable(world, [rule("Allow", resource="*")])
        await self.portable(
            world, [RULE, rule("Allow", resource="doc/2"), rule("Deny", resource="doc/2")]
        )
        await world.restart()
        iam = await self.portable(world)
        await asked(iam, {_ASKED: True, (ALICE, READ, "doc/2"): False, (ALICE, READ, "x"): False})

    @law("IAM-050", "Any set of rules answers as reading them one by one would.", machine=True)
    def any_set_holds(self, lab: Lab) -> None:
        texts = st.text("ab/A?", min_size=1, max_size=4)
        patterns = st.text("ab/A?*", min_size=1, max_size=4)
        rules = st.lists(
            st.tuples(st.sampled_from(("Allow", "Allow", "Deny")), patterns, patterns, patterns),
            max_size=5,
        )
        requests = st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5)
        ways: list[Any] = []

        @drawn(lab)
        @given(rules, requests)
        def trial(
            drawn_rules: list[tuple[str, str, str, str]], asked_for: list[tuple[str, str, str]]
        ) -> None:
            written = [rule(*parts) for parts in drawn_rules]
            expected = {request: _by_hand(drawn_rules, request) for request in asked_for}
            lab.run(self._compare(lab.world, ways, written, expected))

        trial()

    async def _compare(
        self, world: World[Any], ways: list[Any], rules: Any, expected: dict[Any, bool]
    ) -> None:
        if ways and replaces(ways[0]):
            await ways[0].replace(rules)
        else:
            ways[:] = [await self.portable(world, rules)]
        await asked(ways[0], expected)


async def _replaced(client: Any, sets: list[Any]) -> None:
    for rules in sets:
        await client.replace(rules)


def _by_hand(rules: list[tuple[str, str, str, str]], request: tuple[str, str, str]) -> bool:
    effects = {
        effect
        for effect, *patterns in rules
        if all(_matches(pattern, text) for pattern, text in zip(patterns, request, strict=True))
    }
    return effects == {"Allow"}


def _matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return _matches(pattern[1:], text) or (bool(text) and _matches(pattern, text[1:]))
    return bool(text) and text[0] == pattern[0] and _matches(pattern[1:], text[1:])
