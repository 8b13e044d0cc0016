"""``python -m examples.certify``: all libraries, or those named, through the kit."""

from __future__ import annotations

import argparse
import sys

from omnicloud_tck.runner import Verdict

from .subjects import SUBJECTS, subject
from .trying import Outcome, try_apart, try_here


def main() -> int:
    """Run what the command line says; the exit code."""
    args = _arguments()
    if args.here:
        try_here(subject(args.here), seed=args.seed, examples=args.examples)
        return 0
    chosen = [subject(name) for name in args.names] or list(SUBJECTS)
    for one in chosen:
        outcome = try_apart(one, seed=args.seed, examples=args.examples)
        _show(outcome)
    return 0


def _show(outcome: Outcome) -> None:
    one = outcome.subject
    counts = ", ".join(f"{len(outcome.of(verdict))} {verdict}" for verdict in Verdict)
    rung = outcome.judgement.rung or "no rung"
    print(f"{one.name} {one.version} ({one.contract}): {rung}; {counts}")
    for law in outcome.of(Verdict.BROKEN):
        print(f"  {law.id} {law.level} {law.title}\n      {law.reason}")
    if outcome.said:
        print(f"  not all laws were come to:\n{outcome.said}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.certify", description=__doc__)
    parser.add_argument("names", nargs="*", help="libraries; all by default")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
