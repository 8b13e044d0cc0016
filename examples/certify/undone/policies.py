"""Causes undone in libraries of policies."""

from __future__ import annotations

from omnicloud.contracts.iam.models import Policy

from ..adapters.casbin_iam import Casbin
from ..adapters.iam_objects import CompiledLaws, world
from .model import Undone

__all__ = ["POLICIES"]


class NeverEmpty(Casbin):
    """Has one policy more, which matches nothing."""

    def __init__(self, policies: tuple[Policy, ...], /) -> None:
        super().__init__(policies)
        self._enforcer.add_policy(*["(?!)"] * 3, "deny")


class NeverEmptyLaws(CompiledLaws):
    """The laws over it."""

    evaluator = NeverEmpty


POLICIES = (
    Undone(
        "casbin_without_policies_allows",
        "casbin",
        ("IAM-001", "IAM-050"),
        world,
        NeverEmptyLaws,
    ),
)
