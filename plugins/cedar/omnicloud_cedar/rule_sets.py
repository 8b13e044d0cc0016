"""Sets of policies ready for the engine, from the two kinds of files there are.

A *managed* file is written by this provider: a line about itself with the digest of the rest,
then for each rule the rule itself in a comment and the policy it became. A *native* one is
Cedar as people write it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cedarpy

from omnicloud.contracts.iam.models import Policy
from omnicloud.contracts.iam.parse import parse_policies, policy_mapping
from omnicloud.errors import CorruptedError, InvalidArgumentError
from omnicloud_cedar.language import group_patterns, policy_text

__all__ = ["RuleSet", "is_managed", "managed", "native", "written"]

_HEAD = b"// Written by omnicloud-cedar, format 1, sha256 "
_RULE = "//= "


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Policies that the engine has parsed, all of them.

    Attributes:
        engine: cedarpy's handle.
        policies: The rules that the policies were made from, in their order; none of a
            native file.
        groups: What :func:`~omnicloud_cedar.language.group_patterns` says of them.
    """

    engine: Any
    policies: tuple[Policy, ...] = ()
    groups: tuple[str, ...] = ()


def written(policies: Sequence[Policy]) -> bytes:
    """A managed file that holds the rules, once more checked whole, by us and by the engine.

    Raises:
        InvalidArgumentError: A rule cannot be kept or said in Cedar.
    """
    try:
        checked = parse_policies([policy_mapping(policy) for policy in policies])
    except (OverflowError, OSError, ValueError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            "a moment in a condition is outside the years 1 to 9999",
            hint="the rules in force were not changed",
        ) from None
    body = "\n".join(_entry(policy) for policy in checked)
    try:
        cedarpy.PolicySet.from_str(body, release_gil=True)
    except ValueError as error:
        raise InvalidArgumentError(
            "the rules cannot be said in Cedar, which knows no lone surrogates",
            hint="the rules in force were not changed",
        ) from error
    return _head(body.encode()) + body.encode()


def is_managed(content: bytes) -> bool:
    """Whether this provider wrote the file, damaged since or not."""
    return content.startswith(_HEAD)


def managed(content: bytes | None) -> RuleSet:
    """The rules of a managed file; no file is no rules.

    Raises:
        CorruptedError: It was not written by this provider, or changed since.
    """
    if content is None:
        return RuleSet(cedarpy.PolicySet.from_str(""))
    _, _, body = content.partition(b"\n")
    if not is_managed(content) or content != _head(body) + body:
        raise _damaged()
    text = body.decode()
    lines = (line for line in text.split("\n") if line.startswith(_RULE))
    try:
        policies = parse_policies([json.loads(line.removeprefix(_RULE)) for line in lines])
        engine = cedarpy.PolicySet.from_str(text, release_gil=True)
    except (ValueError, InvalidArgumentError) as error:
        raise _damaged() from error
    if len(engine) != len(policies):
        raise _damaged()
    return RuleSet(engine, policies, group_patterns(policies))


def _damaged() -> CorruptedError:
    return CorruptedError(
        "the policy file is not as this provider wrote it; nothing is allowed",
        hint="put the rules again with `replace`, or set manage = false to keep your own",
    )


def native(content: bytes | None) -> RuleSet:
    """The policies of a file that people wrote.

    Raises:
        CorruptedError: There is no file, or the engine cannot read all of it.
    """
    if content is None:
        raise CorruptedError("there is no policy file; nothing is allowed")
    try:
        return RuleSet(cedarpy.PolicySet.from_str(content.decode(), release_gil=True))
    except ValueError as error:
        raise CorruptedError(
            f"the policy file is no Cedar: {_first_line(error)}; nothing is allowed",
            hint="mend it; it is read again for the next question",
        ) from error


def _entry(policy: Policy) -> str:
    return f"{_RULE}{json.dumps(policy_mapping(policy))}\n{policy_text(policy)}"


def _head(body: bytes) -> bytes:
    return _HEAD + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
