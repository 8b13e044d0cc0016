"""What a provider's certificate says, as data, JSON and a page."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version

from omnicloud_tck.law import Level
from omnicloud_tck.runner import Result, Verdict

__all__ = ["Certificate", "ContractReport"]


@dataclass(frozen=True, slots=True)
class ContractReport:
    """How one contract came out.

    Attributes:
        features: What the driver declares.
        results: One for each law.
    """

    contract: str
    features: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def certified(self) -> bool:
        """Whether every MUST law was tried and held, or does not apply."""
        good = (Verdict.HELD, Verdict.NOT_APPLICABLE)
        return bool(self.results) and all(
            one.verdict in good or one.missing
            for one in self.results
            if one.law.level is Level.MUST
        )

    def count(self, verdict: Verdict) -> int:
        """How many laws came out so."""
        return sum(result.verdict is verdict for result in self.results)

    @property
    def seconds(self) -> float:
        """Seconds of all laws, added up."""
        return sum(result.seconds for result in self.results)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A provider, what was tried on it, with what, and how it came out."""

    provider: str
    distribution: str
    distribution_version: str
    reports: tuple[ContractReport, ...]
    seed: int
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def certified(self) -> bool:
        """Whether every contract tried is certified."""
        return bool(self.reports) and all(report.certified for report in self.reports)

    def as_json(self) -> str:
        """The certificate for programs; keys are stable."""
        return json.dumps(
            {
                "provider": self.provider,
                "distribution": self.distribution,
                "distribution_version": self.distribution_version,
                "kit_version": version("omnicloud-tck"),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "made": self.made.isoformat(),
                "seed": self.seed,
                "certified": self.certified,
                "contracts": {report.contract: _as_dict(report) for report in self.reports},
            },
            indent=2,
        )

    def as_html(self) -> str:
        """The certificate for people: one page that needs nothing else."""
        word = "certified" if self.certified else "not certified"
        title = f"{escape(self.provider)} {escape(self.distribution_version)}: {word}"
        body = "".join(_section(report) for report in self.reports)
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
            f"<style>{_STYLE}</style><h1>{title}</h1>"
            f"<p>Distribution {escape(self.distribution)}, kit {version('omnicloud-tck')}, "
            f"Python {platform.python_version()}, seed {self.seed}, "
            f"{self.made:%Y-%m-%d %H:%M} UTC</p>{body}</html>\n"
        )


def _as_dict(report: ContractReport) -> dict[str, object]:
    return {
        "certified": report.certified,
        "features": list(report.features),
        "seconds": round(report.seconds, 3),
        "laws": [
            {
                "id": result.law.id,
                "level": str(result.law.level),
                "clause": result.law.clause,
                "verdict": str(result.verdict),
                "reason": result.reason,
                "seconds": round(result.seconds, 4),
            }
            for result in report.results
        ],
    }


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem;
border-bottom:1px solid #ddd;vertical-align:top}
.held{color:#0a7d33}.broken{color:#b3001b;font-weight:700}.not{color:#777}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}td,th{border-color:#333}}
"""


def _section(report: ContractReport) -> str:
    rows = "".join(_row(result) for result in report.results)
    word = "certified" if report.certified else "not certified"
    features = ", ".join(report.features) or "none"
    return (
        f"<h2>{escape(report.contract)}: {word}</h2><p>Features: {escape(features)}</p>"
        f"<table><tr><th>Law<th>Level<th>Clause<th>Verdict</tr>{rows}</table>"
    )


def _row(result: Result) -> str:
    style = {Verdict.HELD: "held", Verdict.BROKEN: "broken"}.get(result.verdict, "not")
    reason = f"<br><small>{escape(result.reason)}</small>" if result.reason else ""
    return (
        f"<tr><td>{result.law.id}<td>{result.law.level}<td>{escape(result.law.clause)}"
        f"<td class={style}>{result.verdict}{reason}</tr>"
    )
