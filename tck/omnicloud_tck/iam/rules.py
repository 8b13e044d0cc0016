"""Rules and requests with which the laws of the iam contract try an evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from omnicloud.contracts.iam import IAMFeature
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = ["ALICE", "READ", "RULE", "IAMLaws", "Rules", "asked", "replaces", "rule"]

ALICE, READ = "user:alice", "kv:read"

Rules = Iterable[Mapping[str, object]]


class IAMLaws(Contract):
    """How one more client of the rules is made; each part of the laws inherits it."""

    async def portable(self, world: World[Any], policy_set: Rules | None = None) -> Any:
        """One more client; with rules, those are in force from then on."""
        raise TypeError(f"{type(self).__name__} does not say how it is opened")


def rule(
    effect: str,
    principal: str = ALICE,
    action: str = READ,
    resource: str = "doc/1",
    **more: object,
) -> Mapping[str, object]:
    """A rule as people write it."""
    return {
        "effect": effect,
        "principal": principal,
        "action": action,
        "resource": resource,
        **more,
    }


RULE = rule("Allow")


async def asked(iam: Any, cases: Mapping[tuple[Any, Any, Any], bool], **facts: Any) -> None:
    """Break the law unless each request has its answer."""
    for request, expected in cases.items():
        answer = await iam.is_allowed(*request, **facts)
        told = f" with {facts}" if facts else ""
        equal(expected, answer, f"may {request[0]!r} {request[1]!r} {request[2]!r}{told}")


def replaces(client: Any) -> bool:
    """Whether rules can be given to a client that has some: not where they are fixed."""
    pipeline = getattr(client, "pipeline", None)
    fixed = pipeline is not None and IAMFeature.MANAGE not in pipeline.driver.features
    return hasattr(client, "replace") and not fixed
