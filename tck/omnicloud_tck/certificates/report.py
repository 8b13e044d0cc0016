"""A certificate for people: one page that asks for nothing else, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files

from omnicloud_tck.certificates.model import CertificateFile, ContractEntry, LawEntry
from omnicloud_tck.certificates.rungs import RUNGS, judged
from omnicloud_tck.law import Level, Rung
from omnicloud_tck.runner import Verdict

__all__ = ["page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WORDS = {
    Rung.SHAPE: "types, absence, refusals",
    Rung.SEMANTICS: "values and edges",
    Rung.CONCURRENCY: "many clients, cancelled calls",
    Rung.RESILIENCE: "outages, crashes, time",
    Rung.TRUST: "tenants, secrets, injection",
}


def page(certificate: CertificateFile) -> str:
    """The whole page; every text out of the certificate is escaped."""
    title = escape(f"{certificate.provider.name} {certificate.provider.version}")
    style = (files("omnicloud_tck.certificates") / "report.css").read_text()
    sections = "".join(_section(name, one) for name, one in certificate.contracts.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}: {_word(certificate)}</title><style>{style}</style></head><body>"
        f'<header><p class="kind">Certificate of compatibility</p><h1>{title}</h1>'
        f'<p class="verdict {"good" if certificate.certified else "bad"}">{_word(certificate)}</p>'
        f"{_ladder(certificate.rung)}</header><main>{_overview(certificate)}{sections}"
        f"{_facts(certificate)}</main></body></html>\n"
    )


def _word(certificate: CertificateFile) -> str:
    if not certificate.certified:
        return "not certified"
    return f"certified up to {certificate.rung}"


def _ladder(reached: Rung | None) -> str:
    height = -1 if reached is None else RUNGS.index(reached)
    steps = "".join(
        f'<li class="{"reached" if place <= height else "open"}"><b>{rung}</b> '
        f"<span>{_WORDS[rung]}</span>"
        f'<span class="mark">{"reached" if place <= height else "not reached"}</span></li>'
        for place, rung in enumerate(RUNGS)
    )
    return f'<ol class="ladder" aria-label="Rungs">{steps}</ol>'


def _overview(certificate: CertificateFile) -> str:
    rows = "".join(_overview_row(name, one) for name, one in certificate.contracts.items())
    counts = "".join(f'<th scope="col" class="number">{verdict}</th>' for verdict in Verdict)
    return (
        '<section><h2>Contracts</h2><div class="wide"><table><thead><tr><th scope="col">contract'
        f'</th><th scope="col">rung</th>{counts}<th scope="col">features</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _overview_row(name: str, entry: ContractEntry) -> str:
    results = [law.result for law in entry.laws]
    counts = "".join(f'<td class="number">{results.count(one)}</td>' for one in Verdict)
    rung = f"{entry.rung or 'none'}" if entry.certified else "not certified"
    return (
        f'<tr><th scope="row"><a href="#{escape(name)}">{escape(name)}</a></th>'
        f"<td>{rung}</td>{counts}<td>{escape(', '.join(entry.features) or 'none')}</td></tr>"
    )


def _section(name: str, entry: ContractEntry) -> str:
    groups = "".join(
        _group(rung, [law for law in entry.laws if law.rung is rung], entry) for rung in RUNGS
    )
    limits = ", ".join(f"{key} {value}" for key, value in entry.limits.items() if value is not None)
    return (
        f'<section id="{escape(name)}"><h2>{escape(name)}</h2>{_ladder(entry.rung)}'
        f"{_objections(entry)}<p><b>Features</b> {escape(', '.join(entry.features) or 'none')}<br>"
        f"<b>Limits</b> {escape(limits)}<br><b>Service</b> {_backend(entry)}</p>{groups}</section>"
    )


def _objections(entry: ContractEntry) -> str:
    """What is wrong, in red; what was not tried, and why, without."""
    wrong = judged(entry.laws, entry.features).why_not
    untried = sorted({law.reason for law in entry.laws if law.missing}) if entry.capped_by else []
    capped = [f"Not tried, and so not above {entry.rung or 'any rung'}: {one}" for one in untried]
    return "".join(
        f'<ul class="{kind}">{_items(lines)}</ul>'
        for kind, lines in (("why", wrong), ("cap", capped))
        if lines
    )


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def _backend(entry: ContractEntry) -> str:
    backend = entry.backend
    if backend is None:
        return "none behind the driver, or not told"
    stands_in = f", stood in for by {backend.emulator}" if backend.emulator else ""
    return escape(f"{backend.name} {backend.version}{stands_in}")


def _group(rung: Rung, laws: list[LawEntry], entry: ContractEntry) -> str:
    if not laws:
        return ""
    held = sum(law.result is Verdict.HELD for law in laws)
    rows = "".join(map(_row, laws))
    opened = " open" if any(law.result is Verdict.BROKEN for law in laws) else ""
    return (
        f"<details{opened}><summary><b>{rung}</b> {held} of {len(laws)} laws held"
        f'<span class="rate">{_rate(rung, entry)}</span></summary><div class="wide"><table><thead>'
        '<tr><th scope="col">Law</th><th scope="col">What is promised</th>'
        '<th scope="col">Result</th><th scope="col">Seconds</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _rate(rung: Rung, entry: ContractEntry) -> str:
    rate = (entry.kill_rates or {}).get(rung)
    if rate is None:
        return "the kit's kill rate was not measured"
    return f"up to here the kit finds {rate.killed} of {rate.drivers} broken drivers"


def _row(law: LawEntry) -> str:
    reason = f"<small>{escape(law.reason)}</small>" if law.reason else ""
    should = "" if law.level is Level.MUST else " <i>should</i>"
    return (
        f'<tr><th scope="row">{escape(law.id)}{should}</th><td>{escape(law.title)}</td>'
        f'<td class="{law.result.replace(" ", "-")}">{law.result}{reason}</td>'
        f'<td class="number">{law.seconds:.2f}</td></tr>'
    )


def _facts(certificate: CertificateFile) -> str:
    versions = certificate.versions
    signature = certificate.signature
    facts = {
        "Distribution": f"{certificate.provider.distribution} {certificate.provider.version}",
        "Client libraries": _pairs(versions.clients) or "none",
        "omnicloud": versions.omnicloud,
        "Kit": versions.kit,
        "Python": versions.python,
        "Machine": f"{certificate.environment.platform}, {certificate.environment.cpu_count} CPUs",
        "Started": f"{certificate.started:%Y-%m-%d %H:%M:%S %Z}",
        "Finished": f"{certificate.finished:%Y-%m-%d %H:%M:%S %Z}",
        "Seeds": f"{', '.join(map(str, certificate.seeds))}, {certificate.examples} examples",
        "Faults injected": ", ".join(certificate.faults) or "none",
        "Signature": f"Ed25519, key {signature.key}" if signature else "none",
    }
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(said)}</dd>" for key, said in facts.items())
    return (
        f"<section><h2>How it was tried</h2><dl>{rows}</dl><p>This page is a view. What is signed "
        "is the JSON beside it: <code>omnicloud certificate verify</code>.</p></section>"
    )


def _pairs(found: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in found.items())
