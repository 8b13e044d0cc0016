"""``python -m examples.certify``: released libraries of others through the kit."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from omnicloud_tck.runner import Verdict

from .findings import explained
from .page import PAGE, as_json, table, written
from .subjects import SUBJECTS, subject
from .trying import Outcome, try_apart, try_here


def main() -> int:
    """Run what the command line says; 0 where every broken law is explained, else 1."""
    args = _arguments()
    if args.here:
        try_here(subject(args.here), seed=args.seed, examples=args.examples)
        return 0
    chosen = [subject(name) for name in args.names] or list(SUBJECTS)
    outcomes: list[Outcome] = []
    for one in chosen:
        started = time.perf_counter()
        outcomes.append(try_apart(one, seed=args.seed, examples=args.examples))
        _show(outcomes[-1], time.perf_counter() - started)
    print(f"\n{table(outcomes)}")
    _keep(outcomes, args.json, write=args.write)
    return 1 if any(outcome.unexplained for outcome in outcomes) else 0


def _show(outcome: Outcome, seconds: float) -> None:
    one = outcome.subject
    print(f"\n{one.name} {one.version} ({one.contract}), {seconds:.0f} s")
    for law in outcome.of(Verdict.BROKEN):
        print(f"  {law.id} {law.level} {law.title}\n      {law.reason}")
        found = explained(one.name, law.id)
        whose = [f"{finding.kind.value}: {finding.show or finding.said}" for finding in found]
        print(f"      {', '.join(whose) or 'UNEXPLAINED'}")
    if outcome.said:
        print(f"  not all laws were come to:\n{outcome.said}", file=sys.stderr)


def _keep(outcomes: Sequence[Outcome], json_file: Path | None, *, write: bool) -> None:
    if json_file is not None:
        json_file.write_text(as_json(outcomes) + "\n", encoding="utf-8")
    if write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), outcomes), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.certify", description=__doc__)
    parser.add_argument("names", nargs="*", help="libraries; all by default")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help="repeats the random cases")
    parser.add_argument("--examples", type=int, default=20, help="random cases of each machine")
    parser.add_argument("--json", type=Path, help="also write all results to this file")
    parser.add_argument("--write", action="store_true", help=f"into docs/concepts/{PAGE.name}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
