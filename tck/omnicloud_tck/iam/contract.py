"""The laws of the iam contract: what a set of rules allows, and what it never does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omnicloud.contracts.iam import IAM, IAMFeature
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal
from omnicloud_tck.general.often import Often
from omnicloud_tck.general.unheard import Unheard
from omnicloud_tck.general.verbs import EveryVerb
from omnicloud_tck.iam.forms import FormRules
from omnicloud_tck.iam.joins import JoinRules
from omnicloud_tck.iam.moments import MomentRules
from omnicloud_tck.iam.more import MoreRules
from omnicloud_tck.iam.paths import PathRules
from omnicloud_tck.iam.programs import IAMPrograms
from omnicloud_tck.iam.rules import ALICE, READ, RULE, Rules, asked, rule
from omnicloud_tck.iam.sets import RuleSets
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import NotOffered, World

__all__ = ["IAMContract"]

_META = (
    *("?", "[r]", "[a-z]", "[!x]", ".", "\\w", "%", "_", "{r}", "(r)", "r|x", "+", "^r$", "#", "$"),
    *("\\", "\\\\", "~", "!", "&", ",", ";", ":", "=", "@", "'", '"', "`", "<r>", "$r", "${r}"),
)
_BAD: tuple[Mapping[str, object], ...] = (
    {"effect": "Allow", "principal": ALICE, "resource": "*"},
    {"effect": "Allow", "action": "*", "resource": "*"},
    {"effect": "Allow", "principal": "*", "action": "*"},
    {"principal": "*", "action": "*", "resource": "*"},
    {"effect": "Permit", "principal": "*", "action": "*", "resource": "*"},
    {"effect": None, "principal": "*", "action": "*", "resource": "*"},
    {"effect": "Allow", "principal": None, "action": "*", "resource": "*"},
    {"effect": "Allow", "principal": "*", "action": 5, "resource": "*"},
    {"effect": "Allow", "principal": "*", "action": "*", "resource": [None]},
    {"effect": "Allow", "principal": "*", "action": [], "resource": "*"},
    {},
)


class IAMContract(
    RuleSets,
    MoreRules,
    PathRules,
    FormRules,
    MomentRules,
    JoinRules,
    IAMPrograms,
    EveryVerb,
    Often,
    Unheard,
):
    """Every promise of ``IAM``.

    A provider whose evaluator is an object of its own overrides :meth:`portable`.
    """

    contract = "iam"

    async def portable(self, world: World[Any], policy_set: Rules | None = None) -> Any:
        pipeline = await world.pipeline()
        iam = IAM(pipeline=pipeline, clock=world.clock)
        if policy_set is not None:
            if IAMFeature.MANAGE not in pipeline.driver.features:
                raise NotOffered("rules: override `portable` to give it some")
            await iam.replace(policy_set)
        return iam

    @law("IAM-001", "Only what a rule allows is allowed.", rung=Rung.SHAPE)
    async def denied_by_default(self, world: World[Any]) -> None:
        await asked(await self.portable(world, [RULE]), {(ALICE, READ, "doc/1"): True})
        await asked(await self.portable(world, []), {(ALICE, READ, "doc/1"): False})
        only_deny = await self.portable(world, [rule("Deny", resource="doc/2")])
        await asked(only_deny, {(ALICE, READ, "doc/1"): False, (ALICE, READ, "doc/2"): False})

    @law("IAM-002", "Principal, action and resource must all match.", rung=Rung.SHAPE)
    async def each_part_must_match(self, world: World[Any]) -> None:
        cases = {
            ("user:bob", READ, "doc/1"): False,
            (ALICE, "kv:write", "doc/1"): False,
            (ALICE, READ, "doc/2"): False,
            ("doc/1", READ, ALICE): False,
            (READ, ALICE, "doc/1"): False,
            (ALICE, READ, "doc/1"): True,
        }
        await asked(await self.portable(world, [RULE]), cases)
        two = [RULE, rule("Allow", principal="user:bob", action="kv:write", resource="doc/2")]
        crossed = {
            (ALICE, "kv:write", "doc/2"): False,
            ("user:bob", READ, "doc/1"): False,
            ("user:bob", "kv:write", "doc/1"): False,
            ("user:bob", "kv:write", "doc/2"): True,
        }
        await asked(await self.portable(world, two), cases | crossed)

    @law("IAM-003", "What any rule denies is denied, wherever it stands in the set.")
    async def deny_overrides(self, world: World[Any]) -> None:
        everything = rule("Allow", principal="*", action="*", resource="*")
        deny = rule("Deny", action="kv:*", resource="doc/secret*")
        filler = [rule("Allow", resource=f"other/{number}") for number in range(5)]
        for order in (
            [deny, everything],
            [everything, deny],
            [everything, *filler, deny, *filler, RULE],
            [*filler, deny, *filler, everything],
            [RULE, deny, everything, deny],
        ):
            cases = {
                (ALICE, READ, "doc/secret"): False,
                (ALICE, "kv:write", "doc/secret/1"): False,
                (ALICE, READ, "doc/1"): True,
                (ALICE, "s3:read", "doc/secret"): True,
                ("user:bob", READ, "doc/secret"): True,
            }
            await asked(await self.portable(world, order), cases)
        exact = await self.portable(world, [RULE, rule("Deny"), RULE])
        await asked(exact, {(ALICE, READ, "doc/1"): False})

    @law("IAM-004", "A star is any run of characters, also none, in any place.")
    async def stars_match_runs(self, world: World[Any]) -> None:
        actions = {"kv:*": True, "*": True, "*:read": True, "k*d": True, "kv:read*": True}
        actions |= {"*kv:read*": True, "k*:*d": True, "**": True, "kv:w*": False, "*:write": False}
        for pattern, expected in actions.items():
            iam = await self.portable(world, [rule("Allow", action=pattern)])
            await asked(iam, {(ALICE, READ, "doc/1"): expected})
        iam = await self.portable(world, [rule("Allow", resource="a/*/c*e")])
        cases = {"a//ce": True, "a/b/cde": True, "a/b/x/cde": True, "a/\n/c\ne": True}
        cases |= {"a/ce": False, "a/b/cdef": False, "xa/b/ce": False, "a/b/c": False, "": False}
        cases |= {"a/c/c/e": True, "a/b/ec": False}
        await asked(iam, {(ALICE, READ, text): answer for text, answer in cases.items()})
        overlap = await self.portable(world, [rule("Allow", resource="aba*aba")])
        await asked(overlap, {(ALICE, READ, "aba"): False, (ALICE, READ, "abaaba"): True})
        anyone = await self.portable(world, [rule("Allow", principal="*")])
        await asked(anyone, {("user:bob", READ, "doc/1"): True, ("x", READ, "doc/2"): False})

    @law("IAM-005", "A pattern matches the whole text, not a beginning, an end or a part.")
    async def the_whole_text(self, world: World[Any]) -> None:
        iam = await self.portable(world, [RULE])
        for before, after in (
            ("", "all"),
            ("x", ""),
            ("x", "x"),
            ("", "\n"),
            ("\n", ""),
            ("", " "),
        ):
            longer = [f"{before}{part}{after}" for part in (ALICE, READ, "doc/1")]
            await asked(iam, _one_by_one(longer))
        await asked(iam, _one_by_one([ALICE[:-1], READ[:-1], "doc/"]))
        await asked(iam, _one_by_one([ALICE[1:], READ[1:], "oc/1"]))
        await asked(iam, {("*", READ, "doc/1"): False, (ALICE, "*", "doc/1"): False})
        await asked(iam, {(ALICE, READ, "*"): False, (ALICE, READ, "doc/1"): True})

    @law("IAM-006", "Case and the form of letters count.")
    async def case_counts(self, world: World[Any]) -> None:
        iam = await self.portable(world, [RULE])
        await asked(iam, _one_by_one([ALICE.upper(), READ.upper(), "DOC/1"]))
        await asked(iam, _one_by_one([ALICE.title(), READ.title(), "Doc/1"]))
        accented = await self.portable(world, [rule("Allow", resource="caf\u00e9/*")])
        cases = {"caf\u00e9/1": True, "cafe\u0301/1": False, "CAF\u00c9/1": False, "cafe/1": False}
        await asked(accented, {(ALICE, READ, text): answer for text, answer in cases.items()})
        deny = await self.portable(world, [rule("Allow", resource="*"), rule("Deny")])
        await asked(deny, {(ALICE, READ, "DOC/1"): True, (ALICE, READ, "doc/1"): False})

    @law("IAM-007", "But for the star every character is itself.")
    async def no_other_wildcards(self, world: World[Any]) -> None:
        for meta in _META:
            iam = await self.portable(world, [rule("Allow", resource=f"doc/{meta}")])
            cases = {"doc/r": False, "doc/x": False, "doc/": False, f"doc/{meta}": True}
            await asked(iam, {(ALICE, READ, text): answer for text, answer in cases.items()})
            starred = await self.portable(world, [rule("Allow", resource=f"*/{meta}*")])
            cases = {"doc/r": False, f"doc/{meta}": True, f"doc/{meta}r": True}
            await asked(starred, {(ALICE, READ, text): answer for text, answer in cases.items()})
        action = await self.portable(world, [rule("Allow", action="kv:rea?")])
        await asked(action, {(ALICE, READ, "doc/1"): False, (ALICE, "kv:rea?", "doc/1"): True})

    @law(
        "IAM-008", "Without a principal, an action or a resource the answer is no.", rung=Rung.SHAPE
    )
    async def what_is_missing_is_denied(self, world: World[Any]) -> None:
        iam = await self.portable(world, [rule("Allow", principal="*", action="*", resource="*")])
        for missing in (None, ""):
            await asked(iam, {(ALICE, READ, missing): False, (ALICE, READ, "doc/1"): True})
            await asked(iam, {(missing, READ, "doc/1"): False, (ALICE, missing, "doc/1"): False})
        named = await self.portable(world, [RULE])
        await asked(named, {(ALICE, READ, None): False, (ALICE, READ, ""): False})

    @law(
        "IAM-009",
        "A set with a mistake is refused, or its mistaken rules allow nothing.",
        rung=Rung.TRUST,
    )
    async def mistakes_allow_nothing(self, world: World[Any]) -> None:
        for bad in _BAD:
            for policies in ([bad], [RULE, bad]):
                try:
                    iam = await self.portable(world, policies)
                except InvalidArgumentError:
                    continue
                answer = await iam.is_allowed("user:bob", "kv:write", "doc/9")
                equal(False, answer, f"asked under the mistaken rule {bad}")

    @law("IAM-010", "A request that cannot be evaluated is denied.", rung=Rung.TRUST)
    async def nonsense_is_denied(self, world: World[Any]) -> None:
        iam = await self.portable(world, [rule("Allow", principal="*", action="*", resource="*")])
        for odd in (5, b"user:alice", ["user:alice"], {}, object(), True):
            for request in ((odd, READ, "doc/1"), (ALICE, odd, "doc/1"), (ALICE, READ, odd)):
                equal(False, await _answer(iam, request), f"asked with a {type(odd).__name__}")

    @law("IAM-011", "A rule may list principals, actions and resources; one of each must match.")
    async def lists_are_alternatives(self, world: World[Any]) -> None:
        lists = {
            "effect": "Allow",
            "principal": [ALICE, "user:bob"],
            "action": [READ, "kv:list*"],
            "resource": ["doc/1", "doc/x/*"],
        }
        cases = {
            (ALICE, READ, "doc/1"): True,
            ("user:bob", "kv:list-all", "doc/x/y"): True,
            ("user:eve", READ, "doc/1"): False,
            (ALICE, "kv:write", "doc/1"): False,
            (ALICE, READ, "doc/2"): False,
        }
        await asked(await self.portable(world, [lists]), cases)


def _one_by_one(parts: Sequence[str]) -> dict[tuple[Any, Any, Any], bool]:
    """Requests that differ in one part from one that is allowed."""
    principal, action, resource = parts
    return {
        (principal, READ, "doc/1"): False,
        (ALICE, action, "doc/1"): False,
        (ALICE, READ, resource): False,
    }


async def _answer(iam: Any, request: tuple[Any, Any, Any]) -> object:
    try:
        answer: object = await iam.is_allowed(*request)
    except (InvalidArgumentError, TypeError):
        return False
    return answer
