"""A question in Cedar's terms.

``principal``, ``action`` and ``resource`` are ``Principal::"user:alice"``, ``Action::"kv:get"``
and ``Resource::"doc/1"``; the principal is in ``Group::"group:staff"`` for each of its groups.
The context has the same again as text, and the circumstances:

* ``principal``, ``action``, ``resource``: text;
* ``groups``: a set of text, each with ``group:`` in front;
* ``tenant``, ``region``: text, left out where the request does not say;
* ``tags``: a record of text; a name that begins with two underscores gets a third;
* ``at``: a ``datetime`` in milliseconds, ``instant``: an exact integer that orders like the
  time; both left out where the time is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from omnicloud.contracts.iam.models import Access
from omnicloud.contracts.iam.patterns import matches
from omnicloud_cedar.language import GROUP, ordered, tag_name

__all__ = ["Question", "question_of"]

_YEAR_10000 = 253_402_300_800  # seconds since 1970-01-01, where datetime ends


class Question:
    """What the engine is given besides the policies."""

    __slots__ = ("entities", "request")

    def __init__(self, request: dict[str, object], entities: list[dict[str, object]]) -> None:
        self.request = request
        self.entities = entities


def question_of(access: Access, patterns: Iterable[str] = ()) -> Question | None:
    """The question, or ``None`` where a fact of it is not text: that cannot be evaluated.

    Args:
        access: Complete: with principal, action and resource.
        patterns: Those for groups that rules ask for by their own text.
    """
    if not _is_readable(access):
        return None
    groups = [group if group.startswith(GROUP) else GROUP + group for group in access.groups]
    matched = [each for each in patterns if any(matches(each, group) for group in groups)]
    context: dict[str, object] = {
        "principal": access.principal,
        "action": access.action,
        "resource": access.resource,
        "groups": [*groups, *matched],
        "tags": {tag_name(tag): value for tag, value in access.tags.items()},
    }
    if access.tenant is not None:
        context["tenant"] = access.tenant
    if access.region is not None:
        context["region"] = access.region
    context |= _time(access.at)
    principal = {"type": "Principal", "id": access.principal}
    request: dict[str, object] = {
        "principal": principal,
        "action": {"type": "Action", "id": access.action},
        "resource": {"type": "Resource", "id": access.resource},
        "context": context,
    }
    parents = [{"type": "Group", "id": group} for group in groups]
    return Question(request, [{"uid": principal, "attrs": {}, "parents": parents}])


def _is_readable(access: Access) -> bool:
    if not isinstance(access.tags, Mapping) or not isinstance(access.at, int | float):
        return False
    optional = (fact for fact in (access.tenant, access.region) if fact is not None)
    facts = (access.principal, access.action, access.resource, *access.groups, *optional)
    return all(map(_is_text, (*facts, *access.tags.keys(), *access.tags.values())))


def _is_text(fact: object) -> bool:
    """Whether it is text that UTF-8 can carry, as everything in Cedar is."""
    if not isinstance(fact, str):
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in fact)


def _time(at: float) -> dict[str, object]:
    if not at > 0:
        return {}
    told: dict[str, object] = {"instant": ordered(at)}
    if at < _YEAR_10000:
        second = datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        arg = f"{second}.{int(at % 1 * 1000):03}Z"
        told["at"] = {"__extn": {"fn": "datetime", "arg": arg}}
    return told
