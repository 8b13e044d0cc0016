"""``omnicloud swap-check``: may this provider take the place of the one in use?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from omnicloud_tck.certificates.commands import refuse, trust_options, wants_json
from omnicloud_tck.certificates.reading import Unreadable
from omnicloud_tck.certificates.rungs import RUNGS
from omnicloud_tck.certificates.signing import BadKey
from omnicloud_tck.certificates.trust import Signed, checked, read_trusted
from omnicloud_tck.law import Rung
from omnicloud_tck.swap.covering import missing
from omnicloud_tck.swap.used import Use, read_uses

__all__ = ["swap_check"]


@click.command("swap-check")
@click.argument("used", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("certificate", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--rung",
    type=click.Choice(list(map(str, RUNGS))),
    default=str(Rung.CONCURRENCY),
    show_default=True,
    help="How far each contract in use must be certified.",
)
@trust_options
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
@click.pass_context
def swap_check(
    ctx: click.Context,
    used: Path,
    certificate: Path,
    rung: str,
    keys: tuple[str, ...],
    trust_files: tuple[Path, ...],
    allow_unknown: bool,
    as_json: bool,
) -> None:
    """Say whether CERTIFICATE covers all that USED records.

    USED is written by an application that runs with OMNICLOUD_RECORD_USE=USED, by pytest with
    --omnicloud-record-use USED, or is an export of its spans in JSON lines. Where --key or
    --trust says whose signatures count, the certificate must bear one. Exit codes: 0 covered,
    1 not covered, 2 one of the files is no good.
    """
    try:
        uses = read_uses(used)
        trusted = read_trusted(keys, trust_files)
        found = checked(certificate, trusted)
    except (BadKey, Unreadable) as error:
        refuse(error)
    doubts = (
        *_of_signature(found.signed, asked=bool(trusted), any_key=allow_unknown),
        *found.problems,
    )
    if doubts:
        refuse(Unreadable(f"{certificate.name} is not to be relied upon: {doubts[0]}"))
    lacking = missing(uses, found.certificate, Rung(rung))
    name = f"{found.certificate.provider.name} {found.certificate.provider.version}"
    click.echo(_told(name, uses, lacking, found.signed, as_json=wants_json(ctx, as_json)))
    ctx.exit(1 if lacking else 0)


def _of_signature(signed: Signed, *, asked: bool, any_key: bool) -> tuple[str, ...]:
    """What speaks against the signature, where one is asked for or there is one."""
    needless = signed is Signed.NOT and not asked
    unknown = signed is Signed.UNKNOWN and (any_key or not asked)
    fine = signed is Signed.TRUSTED or needless or unknown
    return () if fine else (f"it is {signed}",)


def _told(
    name: str, uses: tuple[Use, ...], lacking: tuple[str, ...], signed: Signed, *, as_json: bool
) -> str:
    operations = sorted({use.operation for use in uses if use.operation})
    if as_json:
        answer = {
            "provider": name,
            "covered": not lacking,
            "signature": signed,
            "operations": operations,
            "missing": list(lacking),
        }
        return json.dumps(answer, indent=2)
    verdict = "does not cover" if lacking else "covers"
    head = f"{name} ({signed}) {verdict} what is used: {len(operations)} operations"
    return "\n".join([head, *(f"  {line}" for line in lacking)])
