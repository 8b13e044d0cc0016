"""``omnicloud certify``: try a provider, show how far it is, and write what came out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from omnicloud.registry.provider import Provider
from omnicloud_tck.certificates.badge import badge
from omnicloud_tck.certificates.making import ContractReport, as_json, made
from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.report import page
from omnicloud_tck.certificates.rungs import RUNGS, at_least
from omnicloud_tck.certificates.signing import BadKey, read_key, signed
from omnicloud_tck.certify import NoWorld, Trial, certify_contract, trials_of
from omnicloud_tck.finding import NotFound, found
from omnicloud_tck.hanging import left_standing
from omnicloud_tck.law import Rung
from omnicloud_tck.progress import Bar, last_durations, progress_of
from omnicloud_tck.runner import Verdict
from omnicloud_tck.servers import heed_sigterm

__all__ = ["certify"]

_SHORT = ("held", "broken", "n/a", "untried")
"""The verdicts, in their order, as narrow headings."""


@click.command()
@click.argument("providers", nargs=-1, required=True)
@click.option("--contract", "contracts", multiple=True, help="Try only this one. Repeatable.")
@click.option("--seed", default=0, show_default=True, help="Repeats the random cases.")
@click.option(
    "--examples",
    type=click.IntRange(0),
    default=40,
    show_default=True,
    help="Random cases of each machine.",
)
@click.option(
    "--rung",
    type=click.Choice([str(rung) for rung in RUNGS]),
    default=str(Rung.SHAPE),
    show_default=True,
    help="The rung that must be reached for exit code 0.",
)
@click.option(
    "--sign",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign with this private key, made by `omnicloud certificate keygen`.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("certificates"),
    show_default=True,
    help="Folder for the certificate as JSON, HTML and badge.",
)
@click.option("--json", "as_json_", is_flag=True, help="Print the certificates as JSON.")
@click.pass_context
def certify(
    ctx: click.Context,
    providers: Sequence[str],
    contracts: Sequence[str],
    seed: int,
    examples: int,
    rung: str,
    key_file: Path | None,
    out: Path,
    as_json_: bool,
) -> None:
    """Hold PROVIDERS against the laws of the contracts they offer.

    A provider is a name out of `omnicloud providers`, or `package.module:ATTRIBUTE` of a
    Provider or of what makes one. Exit codes: 0 certified, 1 not certified, or not up to the
    rung asked for, 2 nothing could be tried.
    """
    heed_sigterm()
    as_json_ = as_json_ or bool(getattr(ctx.obj, "as_json", False))
    console = Console(stderr=as_json_)
    key = _key(key_file)
    # Laws let functions fail on purpose; what the library logs of that is nobody's concern here.
    logging.getLogger("omnicloud").addHandler(logging.NullHandler())
    good = True
    for name in providers:
        provider, trials = _found(name, contracts)
        _make_folder(out)
        certificate = _one(console, name, provider, trials, seed, examples, out)
        if key is not None:
            certificate = signed(certificate, key)
        _write(certificate, out)
        if as_json_:
            click.echo(as_json(certificate), nl=False)
        else:
            _show(console, certificate, out)
        good &= certificate.certified and at_least(certificate.rung, Rung(rung))
    _leave(ctx, 0 if good else 1)


def _leave(ctx: click.Context, code: int) -> None:
    """End with that code, even where a thread that a driver blocks would be waited for."""
    if left_standing():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    ctx.exit(code)


def _key(file: Path | None) -> Ed25519PrivateKey | None:
    try:
        return None if file is None else read_key(file)
    except BadKey as error:
        raise click.UsageError(str(error)) from error


def _found(name: str, contracts: Sequence[str]) -> tuple[Provider, tuple[Trial, ...]]:
    try:
        provider = found(name)
        trials = trials_of(provider, contracts)
    except (NotFound, LookupError) as error:
        raise click.UsageError(str(error)) from error
    if not trials:
        offers = ", ".join(provider.offers)
        raise click.UsageError(f"nothing to try: {name} offers {offers}")
    if Path(provider.name).name != provider.name:
        raise click.UsageError(f"{provider.name!r} is no name for a file")
    return provider, trials


def _make_folder(out: Path) -> None:
    """Before the laws are tried, which takes long: what cannot be written is told at once."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / ".omnicloud").write_bytes(b"")
        (out / ".omnicloud").unlink()
    except OSError as error:
        raise click.UsageError(f"{out} cannot be written: {error.strerror}") from error


def _one(
    console: Console,
    name: str,
    provider: Provider,
    trials: Sequence[Trial],
    seed: int,
    examples: int,
    out: Path,
) -> CertificateFile:
    started = datetime.now(UTC)
    try:
        reports = _with_progress(console, provider, trials, seed, examples, out)
    except NoWorld as error:
        raise click.UsageError(str(error)) from error
    return made(
        provider.name,
        provider.distribution or name.partition(".")[0].partition(":")[0],
        reports,
        examples=examples,
        started=started,
        finished=datetime.now(UTC),
    )


def _with_progress(
    console: Console,
    provider: Provider,
    trials: Sequence[Trial],
    seed: int,
    examples: int,
    out: Path,
) -> list[ContractReport]:
    durations = last_durations(out / f"{provider.name}.json")
    with progress_of(console) as progress:
        bars = [Bar(progress, f"{provider.name} {one.contract}", one, durations) for one in trials]
        return [
            certify_contract(bar.trial, seed=seed, examples=examples, told=bar.told) for bar in bars
        ]


def _write(certificate: CertificateFile, out: Path) -> None:
    name = certificate.provider.name
    (out / f"{name}.json").write_text(as_json(certificate), encoding="utf-8")
    (out / f"{name}.html").write_text(page(certificate), encoding="utf-8")
    (out / f"{name}.svg").write_text(badge(certificate), encoding="utf-8")


def _show(console: Console, certificate: CertificateFile, out: Path) -> None:
    provider = certificate.provider
    table = Table(title=f"{provider.name} {provider.version}")
    for heading in ("contract", *_SHORT, "seconds", "rung", "lacking"):
        right = heading in (*_SHORT, "seconds")
        whole = heading in ("contract", "rung")
        table.add_column(heading, justify="right" if right else "left", no_wrap=whole)
    for name, entry in certificate.contracts.items():
        results = [law.result for law in entry.laws]
        counts = [str(results.count(verdict)) for verdict in Verdict]
        rung = str(entry.rung or "none") if entry.certified else "not certified"
        capped = ", ".join(entry.capped_by)
        table.add_row(name, *counts, f"{entry.seconds:.1f}", rung, capped)
    console.print(table)
    console.print(f"written: {out / provider.name}.json, .html and .svg", highlight=False)
