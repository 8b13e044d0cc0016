"""Sets of rules beside a plain reading of what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from omnicloud.contracts.iam import IAM, IAMFeature, Reason
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.models import Access, Decision
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.chances import Verb, of, one_of
from omnicloud_tck.programs.rushing import MANY, rushed, so_many
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects import rule_draws as draws
from omnicloud_tck.subjects.iam_meeting import IAM_MEETING

__all__ = ["IAM_SUBJECT"]

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, in the words of the model."""

    principal: str
    action: str
    resource: str
    facts: Mapping[str, Any]


class _RulesTwin:
    def __init__(self, scene: Scene) -> None:
        self._world = scene.world
        clock = scene.world.clock
        self._clients = tuple(IAM(pipeline=pipe, clock=clock) for pipe in scene.pipes)
        self._features = scene.features
        self._rules: list[Rule] = []
        self._begun = False

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        if not self._begun:
            await self.replace(self._clients[0], [])
            self._begun = True
        await getattr(self, verb)(self._clients[client], *rest)

    async def end(self) -> None:
        if self._begun:  # else the rules in force are another program's
            await self.policies(self._clients[0])

    async def replace(self, iam: IAM, rules: list[Rule]) -> None:
        if IAMFeature.CONDITIONS not in self._features:
            rules = [{key: rule[key] for key in rule if key != "condition"} for rule in rules]
        await iam.replace(rules)
        self._rules = [{"id": f"#{place}", **rule} for place, rule in enumerate(rules)]

    async def mistaken(self, iam: IAM, rules: list[Rule], wrong: Rule, place: int) -> None:
        """A set with a mistake, after which the rules are as they were."""
        mixed = [*rules[:place], wrong, *rules[place:]]
        with refused(InvalidArgumentError, "a set of rules with a mistake"):
            await iam.replace(mixed)
        await self.policies(iam)

    async def policies(self, iam: IAM) -> None:
        told = [_plain(rule) for rule in await iam.policies()]
        equal([_plain(rule) for rule in self._rules], told, "the rules in force")

    async def again(self, iam: IAM) -> None:
        """What is told, put again."""
        await iam.replace(await iam.policies())

    async def asks(self, iam: IAM, questions: list[tuple[Any, ...]]) -> None:
        for principal, action, resource, facts in questions:
            asked = _Asked(principal, action, resource, facts)
            decision = await iam.explain(principal, action, resource, **facts)
            self._compare(asked, decision)
            allowed = await iam.is_allowed(principal, action, resource, **facts)
            equal(decision.allowed, allowed, f"the answer and the explanation of {asked}")

    async def decides(self, iam: IAM, questions: list[tuple[Any, ...]]) -> None:
        """The same, asked of the driver itself."""
        for principal, action, resource, facts in questions:
            at = facts["at"].timestamp()
            groups = frozenset(facts["groups"])
            access = Access(principal, action, resource, **{**facts, "at": at, "groups": groups})
            self._compare(
                _Asked(principal, action, resource, facts), await iam.pipeline.send(Decide(access))
            )

    async def rush(self, _: IAM, questions: list[tuple[Any, ...]], count: int) -> None:
        """Many calls of every verb at once."""
        turns = [self._clients[place % 2] for place in range(so_many(count, self._world.virtual))]
        rules = self._rules
        await rushed(self.replace(iam, rules) for iam in turns)
        await rushed(self.policies(iam) for iam in turns)
        await rushed(
            self.decides(iam, [questions[place % len(questions)]])
            for place, iam in enumerate(turns)
        )

    async def rest(self, _: IAM, seconds: float) -> None:
        """Let time pass, where that costs none."""
        if self._world.virtual:
            await self._world.sleep(seconds)

    async def odd(self, iam: IAM, questions: list[tuple[Any, ...]]) -> None:
        """Without one of principal, action and resource."""
        for place, (*parts, facts) in enumerate(questions):
            parts[place % 3] = ""
            equal(False, await iam.is_allowed(*parts, **facts), f"asked without part {place % 3}")

    def _compare(self, asked: _Asked, got: Decision) -> None:
        denying = [rule for rule in self._rules if _is(rule, "deny") and _holds(rule, asked)]
        allowing = [rule for rule in self._rules if _is(rule, "allow") and _holds(rule, asked)]
        expected = bool(allowing) and not denying
        equal(expected, got.allowed, f"whether {asked} is allowed")
        if IAMFeature.EXPLAIN not in self._features:
            return
        reason = Reason.DENIED if denying else Reason.ALLOWED if allowing else Reason.NO_RULE
        equal(reason, got.reason, f"the reason of {asked}")
        names = {rule["id"] for rule in denying or allowing} or {None}
        that(got.policy in names, f"{asked} was decided by {got.policy!r}, not by one of {names}")


def _is(rule: Rule, effect: str) -> bool:
    return bool(rule["effect"].lower() == effect)


def _holds(rule: Rule, asked: _Asked) -> bool:
    """Whether a rule applies; what the request does not say denies, and does not allow."""
    if not _any(rule["action"], asked.action) or not _any(rule["resource"], asked.resource):
        return False
    if not _is_for(rule["principal"], asked):
        return False
    answers = _conditions(rule.get("condition") or {}, asked.facts)
    if False in answers:
        return False
    return None not in answers or _is(rule, "deny")


def _is_for(given: Any, asked: _Asked) -> bool:
    if _any(given, asked.principal):
        return True
    groups = [g if g.startswith("group:") else f"group:{g}" for g in asked.facts["groups"]]
    patterns = [pattern for pattern in _listed(given) if pattern.startswith("group:")]
    return any(_any(patterns, group) for group in groups)


def _conditions(condition: Rule, facts: Mapping[str, Any]) -> list[bool | None]:
    found: list[bool | None] = [
        _known(condition[what], facts[what]) for what in ("tenant", "region") if what in condition
    ]
    tags = condition.get("tags") or {}
    found += [_known(patterns, facts["tags"].get(tag)) for tag, patterns in tags.items()]
    if condition.get("not_before") is not None:
        found.append(facts["at"] >= _moment(condition["not_before"]))
    if condition.get("not_after") is not None:
        found.append(facts["at"] < _moment(condition["not_after"]))
    return found


def _known(patterns: Any, value: str | None) -> bool | None:
    return None if value is None else _any(patterns, value)


def _any(patterns: Any, text: str) -> bool:
    return any(_matches(pattern, text) for pattern in _listed(patterns))


def _matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches, by the places that each beginning of it can reach."""
    if "*" not in pattern:
        return pattern == text
    reached = {0}
    for letter in pattern:
        if letter == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if text[at : at + 1] == letter}
    return len(text) in reached


def _listed(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _moment(given: Any) -> datetime:
    return datetime.fromisoformat(given) if isinstance(given, str) else given


def _plain(rule: Rule) -> Any:
    """A rule in one form, however it was written."""
    condition = dict(rule.get("condition") or {})
    for name in ("not_before", "not_after"):
        if condition.get(name) is None:
            condition.pop(name, None)
        else:
            condition[name] = _moment(condition[name]).astimezone(UTC)
    for name in ("tenant", "region"):
        if name in condition:
            condition[name] = _listed(condition[name])
    tags = {tag: _listed(given) for tag, given in (condition.pop("tags", None) or {}).items()}
    parts = [_listed(rule[name]) for name in ("principal", "action", "resource")]
    return rule["id"], rule["effect"].lower(), parts, condition, tags


_MANAGE = frozenset({IAMFeature.MANAGE})

IAM_SUBJECT = Twins(
    "iam",
    {
        "replace": Verb(3, of(draws.rules), _MANAGE),
        "mistaken": Verb(0.5, of(draws.rules, draws.mistake, draws.place), _MANAGE),
        "policies": Verb(1, of(), _MANAGE),
        "again": Verb(0.5, of(), _MANAGE),
        "asks": Verb(6, of(draws.questions)),
        "decides": Verb(3, of(draws.questions)),
        "rush": Verb(0.12, of(draws.questions, one_of(*MANY)), _MANAGE),
        "odd": Verb(0.5, of(draws.questions)),
        "rest": Verb(0.4, of(one_of(7.0, 400.0, 90_000.0, 31 * 86_400.0))),
    },
    _RulesTwin,
    meeting=IAM_MEETING,
    tenants=1,
)
