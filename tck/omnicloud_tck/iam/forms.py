"""The law of iam that a rule means the same in every form it can be written in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from omnicloud_tck.check import equal
from omnicloud_tck.iam.rules import IAMLaws, rule
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["FormRules"]

_ASKED = ("user:alice", "kv:read", "doc/secret/1")
_OTHER = ("svc:bob", "s3:write", "img/2")
_FORMS: tuple[tuple[object, ...], ...] = (
    ("*", "user:alice", "user:*", "*alice", ["svc:x", "user:alice"], ["svc:*", "*"]),
    ("*", "kv:read", "kv:*", "*:read", ["s3:list", "kv:read"], ["s3:list", "kv:*"]),
    ("*", "doc/secret/1", "doc/*", "*/secret/*", ["img/x", "doc/secret/1"], ["img/x", "*"]),
)


def _forms() -> Iterator[tuple[Any, ...]]:
    """Every form of each part beside the plainest and the widest of the others."""
    for place, forms in enumerate(_FORMS):
        beside = [[part, "*"] for number, part in enumerate(_ASKED) if number != place]
        for form, others in product(forms, product(*beside)):
            parts: list[Any] = list(others)
            parts.insert(place, form)
            yield tuple(parts)


class FormRules(IAMLaws):
    """Neither effect asks more of a rule's form than the other."""

    @law(
        "IAM-070",
        "In whatever form its parts are written, a rule denies as it allows.",
        rung=Rung.TRUST,
    )
    async def effects_read_alike(self, world: World[Any]) -> None:
        everything = rule("Allow", principal="*", action="*", resource="*")
        for parts in _forms():
            allow = await self.portable(world, [rule("Allow", *parts)])
            equal(True, await allow.is_allowed(*_ASKED), f"under an allow of {parts}")
            wide = await allow.is_allowed(*_OTHER)
            deny = await self.portable(world, [everything, rule("Deny", *parts)])
            equal(False, await deny.is_allowed(*_ASKED), f"under a deny of {parts}")
            equal(not wide, await deny.is_allowed(*_OTHER), f"beside a deny of {parts}")

    @law(
        "IAM-071",
        "A principal is no group, and a group no principal, whatever they are called.",
        rung=Rung.TRUST,
    )
    async def groups_are_no_principals(self, world: World[Any]) -> None:
        what = ("kv:read", "doc/1")
        for given, asked in (
            ("group:staff", ("staff", ())),
            ("group:staff", ("user:staff", ())),
            ("group:user:bob", ("user:bob", ())),
            ("staff", ("user:bob", ("staff",))),
            ("user:alice", ("user:bob", ("user:alice", "alice"))),
            ("user:*", ("svc:bob", ("user:alice",))),
        ):
            principal, groups = asked
            iam = await self.portable(world, [rule("Allow", given, *what)])
            about = f"{principal!r} in {list(groups)} under a rule for {given!r}"
            equal(False, await iam.is_allowed(principal, *what, groups=groups), about)
