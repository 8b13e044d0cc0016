"""The iam contract over a file of Cedar policies."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import anyio
import anyio.to_thread
import cedarpy

from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import is_complete
from omnicloud.contracts.iam.models import (
    Access,
    Decision,
    IAMFeature,
    IAMLimits,
    Policy,
    Reason,
)
from omnicloud.core.files import Replacement
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import ConfigurationError, CorruptedError
from omnicloud_cedar.config import CedarConfig
from omnicloud_cedar.policy_file import PolicyFile
from omnicloud_cedar.request import question_of
from omnicloud_cedar.rule_sets import RuleSet, is_managed, managed, native, written

__all__ = ["MANAGED", "NATIVE", "CedarIAM", "decided", "engine_version", "open_iam"]

MANAGED: frozenset[Feature] = frozenset(IAMFeature)
NATIVE: frozenset[Feature] = frozenset({IAMFeature.EXPLAIN, IAMFeature.CONDITIONS})

# The engine reads every policy for every decision, about 7 µs each, and keeps the interpreter.
_LIMITS = IAMLimits(policies_max=2_000)
_THREADS = 4

_NUMBER = re.compile(r"policy(\d+)")
_FAILED = re.compile(r"policy `(policy\d+)`")


class CedarIAM:
    """An iam driver; each request reads the file and parses it where it is another one."""

    def __init__(self, file: PolicyFile, *, manage: bool) -> None:
        self._file = file
        self._manage = manage
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._known: tuple[bytes | None, RuleSet] | None = None

    @property
    def features(self) -> frozenset[Feature]:
        return MANAGED if self._manage else NATIVE

    @property
    def limits(self) -> IAMLimits:
        return _LIMITS

    async def decide(self, op: Decide, /) -> Decision:
        return await anyio.to_thread.run_sync(self._decide, op.access, limiter=self._threads)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        rules = await anyio.to_thread.run_sync(self.rules, limiter=self._threads)
        return rules.policies

    async def put_policies(self, op: PutPolicies, /) -> None:
        right = Replacement()
        try:
            await anyio.to_thread.run_sync(self._put, op.policies, right, limiter=self._threads)
        finally:
            right.end()

    async def aclose(self) -> None:
        """Nothing is held open."""

    # What follows runs in a thread.

    def rules(self) -> RuleSet:
        """The rules in force, parsed once for each content of the file.

        Raises:
            CorruptedError: They cannot be read whole.
        """
        content, known = self._file.read(), self._known
        if known is not None and known[0] == content:
            return known[1]
        rules = managed(content) if self._manage else native(content)
        self._known = content, rules
        return rules

    def _put(self, policies: tuple[Policy, ...], right: Replacement) -> None:
        content = written(policies)
        held = self._file.read()
        if held is not None and not is_managed(held):
            raise CorruptedError(
                f"{self._file.name} is not a file of this provider, so it is not replaced",
                hint="give the rules another path, or set manage = false",
            )
        self._file.write(content, right)

    def _decide(self, access: Access) -> Decision:
        if not is_complete(access):
            return Decision(False, Reason.INVALID)
        try:
            rules = self.rules()
        except CorruptedError:
            return Decision(False, Reason.FAILED)
        return decided(rules, access)


def decided(rules: RuleSet, access: Access) -> Decision:
    """What the engine decides by these rules about a request that is complete."""
    question = question_of(access, rules.groups)
    if question is None:
        return Decision(False, Reason.FAILED)
    answer = cedarpy.is_authorized(question.request, rules.engine, question.entities)
    return _decision(answer, rules)


def _decision(answer: Any, rules: RuleSet) -> Decision:
    """The engine's answer as ours. It skips policies that fail, also such as forbid: we deny."""
    if answer.diagnostics.errors or answer.decision is cedarpy.Decision.NoDecision:
        failed = _FAILED.search(" ".join(answer.diagnostics.errors))
        named = [failed.group(1)] if failed else []
        return Decision(False, Reason.FAILED, _first(named, answer, rules))
    deciding = _first(answer.diagnostics.reasons, answer, rules)
    if answer.allowed:
        return Decision(True, Reason.ALLOWED, deciding)
    return Decision(False, Reason.NO_RULE if deciding is None else Reason.DENIED, deciding)


def _first(engine_ids: list[str], answer: Any, rules: RuleSet) -> str | None:
    """The id of that policy among them that stands first in the set."""
    if not engine_ids:
        return None
    first = min(engine_ids, key=_place)
    if rules.policies:
        return rules.policies[_place(first)].id
    told: str = answer.diagnostics.id_annotations_by_reason.get(first) or first
    return told


def _place(engine_id: str) -> int:
    """The engine counts policies from ``policy0`` in the order of the text."""
    found = _NUMBER.fullmatch(engine_id)
    return int(found.group(1)) if found else 0


def engine_version() -> str:
    """Of cedarpy, whose first two numbers are those of the Cedar engine inside."""
    return version("cedarpy")


async def open_iam(config: CedarConfig, opening: Opening) -> CedarIAM:
    """An iam driver on the configured file.

    Raises:
        ConfigurationError: A file that is to be managed is someone else's; or one that is not
            cannot be read whole.
        PermissionDeniedError: It cannot be read, or anyone may write it.
        UnavailableError: Its folder cannot be reached.
    """
    file = PolicyFile(config.path)
    driver = CedarIAM(file, manage=config.manage)
    await anyio.to_thread.run_sync(_check, file, driver, config.manage)
    return driver


def _check(file: PolicyFile, driver: CedarIAM, manage: bool) -> None:
    content = file.read()
    if manage:
        if content is not None and not is_managed(content):
            raise ConfigurationError(
                f"{file.name} was not written by this provider",
                hint="set manage = false to decide by it as it is, or give another path",
            )
        return
    try:
        driver.rules()
    except CorruptedError as error:
        raise ConfigurationError(f"{file.name}: {error}") from error
