"""The results as a page of the documentation, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from omnicloud_tck.certificates.model import LawEntry
from omnicloud_tck.runner import Verdict

from .findings import FINDINGS, Finding, explained
from .trying import Outcome

__all__ = ["PAGE", "as_json", "table", "written"]

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "certify-others.md"

_BEGIN = "<!-- written by `python -m examples.certify --write` -->"
_END = "<!-- end of what is written -->"
_HEAD = (
    "| library | version | what | contract | rung | held | broken | not applicable | not tried |"
)


def table(outcomes: Iterable[Outcome]) -> str:
    """A line for each library."""
    lines = [_HEAD, "|---|---|---|---|---|---:|---:|---:|---:|"]
    for outcome in outcomes:
        one = outcome.subject
        counts = [str(len(outcome.of(verdict))) for verdict in Verdict]
        rung = str(outcome.judgement.rung or "none")
        cells = [one.distribution, one.version, f"`{one.what}`", one.contract, rung, *counts]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def written(page: str, outcomes: Sequence[Outcome]) -> str:
    """The page with its generated part replaced.

    Raises:
        ValueError: The page has no such part.
    """
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"the page has no part between {_BEGIN} and {_END}")
    parts = [before + _BEGIN, _tried(), table(outcomes), *map(_library, outcomes), _END + after]
    return "\n\n".join(parts)


def as_json(outcomes: Iterable[Outcome]) -> str:
    """Everything, for programs."""
    return json.dumps([_plain(outcome) for outcome in outcomes], indent=2, ensure_ascii=False)


def _tried() -> str:
    kit, today = version("omnicloud-tck"), datetime.now(UTC).date()
    return f"Tried on {today} with omnicloud-tck {kit} and Python {python_version()}."


def _library(outcome: Outcome) -> str:
    one = outcome.subject
    causes = dict(_causes(outcome))
    lines = [f"### {one.distribution} {one.version}: `{one.what}`, as {one.contract}", ""]
    lines += [_line(finding, laws) for finding, laws in causes.items()]
    lines += [
        f"- {law.id} ({law.title}) is broken, and nobody has looked into it: `{law.reason}`"
        for law in outcome.unexplained
    ]
    if not causes and not outcome.unexplained:
        lines.append("Every law that applies and could be tried held.")
    return "\n".join(lines)


def _causes(outcome: Outcome) -> Iterator[tuple[Finding, list[LawEntry]]]:
    broken = {law.id: law for law in outcome.of(Verdict.BROKEN)}
    for finding in FINDINGS:
        if outcome.subject.name in finding.subjects:
            laws = [broken[id_] for id_ in finding.laws if id_ in broken]
            if laws or not finding.laws:
                yield finding, laws


def _line(finding: Finding, laws: Sequence[LawEntry]) -> str:
    ids = ", ".join(f"{law.id} ({law.title.rstrip('.')})" for law in laws[:3])
    more = f" and {len(laws) - 3} more that meet it first" if len(laws) > 3 else ""
    which = f"Breaks {ids}{more}." if laws else "No law of the kit meets it yet."
    show = f" Shown by `{finding.show}.py`." if finding.show else ""
    return f"- **{finding.said}** *({finding.kind.value})* {which}{show}"


def _plain(outcome: Outcome) -> dict[str, object]:
    one = outcome.subject
    return {
        "subject": one.name,
        "library": one.distribution,
        "version": one.version,
        "what": one.what,
        "contract": one.contract,
        "features": outcome.features,
        "rung": outcome.judgement.rung,
        "laws": [law.model_dump(mode="json") for law in outcome.laws],
        "findings": {
            law.id: [finding.show or finding.said for finding in explained(one.name, law.id)]
            for law in outcome.of(Verdict.BROKEN)
        },
    }
