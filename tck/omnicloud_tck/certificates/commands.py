"""``omnicloud certificate``: keys, verification, badges, pages and the matrix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from omnicloud_tck.certificates.badge import badge as drawn
from omnicloud_tck.certificates.matrix import as_markdown, as_rows
from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.reading import Unreadable
from omnicloud_tck.certificates.report import page
from omnicloud_tck.certificates.rungs import RUNGS, at_least
from omnicloud_tck.certificates.signing import BadKey, make_key
from omnicloud_tck.certificates.trust import Checked, Signed, checked, read_trusted
from omnicloud_tck.law import Rung

__all__ = ["certificate", "refuse", "trust_options", "wants_json"]

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)


def trust_options(command: F) -> F:
    """The options that say whose signatures count."""
    options = (
        click.option(
            "--key", "keys", multiple=True, help="A public key that is trusted, or its file."
        ),
        click.option(
            "--trust", "trust_files", multiple=True, type=FILE,
            help="A file of public keys that are trusted, one a line.",
        ),
        click.option("--allow-unknown", is_flag=True, help="Take a good signature by any key."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def wants_json(ctx: click.Context, said: bool) -> bool:
    """Whether ``--json`` was said, behind the command's name or before it."""
    return said or any(
        getattr(one.obj, "as_json", False) or one.params.get("as_json", False)
        for one in _chain(ctx)
    )


def _chain(ctx: click.Context | None) -> list[click.Context]:
    return [] if ctx is None else [ctx, *_chain(ctx.parent)]


def refuse(error: Exception) -> NoReturn:
    """End with exit code 2: the input is no good."""
    click.echo(str(error), err=True)
    raise SystemExit(2)


@click.group()
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
def certificate(as_json: bool) -> None:
    """Verify, sign and show certificates of providers."""


@certificate.command()
@click.argument("file", type=FILE)
def keygen(file: Path) -> None:
    """Make a private key in FILE, and FILE.pub beside it.

    Only you can read FILE.
    """
    try:
        public = make_key(file)
        file.with_name(file.name + ".pub").write_text(f"{public} {file.stem}\n", encoding="utf-8")
    except (BadKey, OSError) as error:
        refuse(error)
    click.echo(public)


@certificate.command()
@click.argument("file", type=FILE)
@trust_options
@click.option(
    "--rung", type=click.Choice(list(map(str, RUNGS))), help="Ask for this rung at least."
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
@click.pass_context
def verify(
    ctx: click.Context,
    file: Path,
    keys: tuple[str, ...],
    trust_files: tuple[Path, ...],
    allow_unknown: bool,
    rung: str | None,
    as_json: bool,
) -> None:
    """Say whether the certificate in FILE is to be relied upon.

    It is when a trusted key signed it, when what it claims follows from its own results of the
    laws, and when these are the kit's laws, all of them. Exit codes: 0 it is, 1 it is not, 2 it
    is no certificate.
    """
    try:
        found = checked(file, read_trusted(keys, trust_files))
    except (BadKey, Unreadable) as error:
        refuse(error)
    objections = found.objections(allow_unknown=allow_unknown)
    if rung is not None and not at_least(found.certificate.rung, Rung(rung)):
        objections = (*objections, f"it does not reach the rung {rung}")
    click.echo(_told(found, objections, as_json=wants_json(ctx, as_json)))
    ctx.exit(1 if objections else 0)


def _told(found: Checked, objections: tuple[str, ...], *, as_json: bool) -> str:
    said = found.certificate
    name = f"{said.provider.name} {said.provider.version}"
    if as_json:
        answer = {
            "reliable": not objections,
            "provider": name,
            "rung": said.rung,
            "signature": found.signed,
            "key": said.signature.key if said.signature else None,
            "objections": list(objections),
        }
        return json.dumps(answer, indent=2)
    head = f"{name}: {said.rung or 'no rung'}, {found.signed}"
    return "\n".join([head, *(f"  {line}" for line in objections)])


@certificate.command()
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, help="Write it there instead of printing it.")
def badge(file: Path, out: Path | None) -> None:
    """Draw the certificate in FILE as a badge in SVG."""
    _written(drawn(_certificate(file)), out)


@certificate.command()
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, help="Write it there instead of printing it.")
def report(file: Path, out: Path | None) -> None:
    """Show the certificate in FILE as a page of HTML."""
    _written(page(_certificate(file)), out)


@certificate.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--markdown", "as_page", is_flag=True, help="As tables in Markdown (the default).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def matrix(ctx: click.Context, files: tuple[Path, ...], as_page: bool, as_json: bool) -> None:
    """Compare what the certificates in FILES say, contract by contract."""
    found = [_certificate(file) for file in files]
    if wants_json(ctx, as_json) and not as_page:
        click.echo(json.dumps(as_rows(found), indent=2))
    else:
        click.echo(as_markdown(found), nl=False)


def _certificate(file: Path) -> CertificateFile:
    """A certificate that holds together; whose signature it bears is not asked to show it."""
    try:
        found = checked(file, frozenset())
    except Unreadable as error:
        refuse(error)
    problems = [found.signed] if found.signed is Signed.FORGED else list(found.problems)
    if problems:
        refuse(Unreadable(f"{file.name} is not shown: {problems[0]}"))
    return found.certificate


def _written(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
