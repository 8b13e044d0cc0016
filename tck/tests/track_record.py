"""Which law finds which published bug: ``python tck/tests/track_record.py --write``.

Tries every row of :mod:`published` on all laws of its contract and prints the page
``docs/concepts/track-record.md``; with ``--write`` it is written. Exit code 1 where a row that
a law must find is found by none, or the other way round.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from broken.registry import BROKEN
from kill_report import Kill, all_tried
from published import BUGS, OUTSIDE, Bug

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "track-record.md"

_HEAD = """# The track record

Bugs that others published of their own providers: libraries, services, tools. For each there is a
driver over the memory provider that misbehaves in the same way, not the project's own code.
*Found by* is computed: it names the first laws that the driver breaks when the [kit](kit.md) is
run on it. What no law finds stays in the table.

This says what the kit would have told the authors of those projects, not how good the projects
are: a bug is in this list because they wrote it down, and most were mended long ago.

{found} of {all} are found.

| driver | project | thread | contract | class | what goes wrong | found by |
|---|---|---|---|---|---|---|
"""

_TAIL = """
The rows are in `tck/tests/published_bugs.json`, the drivers in `tck/tests/broken/published_*.py`;
`python tck/tests/track_record.py --write` tries them all and writes this page.
"""

_NAMED = 3


def page(kills: Iterable[Kill]) -> str:
    """The page, in Markdown."""
    tried = {kill.id: kill for kill in kills}
    rows = [_row(bug, tried[bug.id]) for bug in BUGS.values()]
    found = sum(bool(kill.laws) for kill in tried.values())
    outside = [f"\n- **{bug.id}**: {bug.outside}" for bug in BUGS.values() if bug.outside]
    why = "\n## What no law finds, and why\n" + "".join(outside) + "\n" if outside else ""
    return _HEAD.format(found=found, all=len(rows)) + "".join(rows) + why + _TAIL


def _row(bug: Bug, kill: Kill) -> str:
    laws = [law.split()[0] for law in kill.laws[:_NAMED]]
    found = ", ".join(f"`{law}`" for law in laws) or "**not found**"
    number = bug.thread.partition("/")[2]
    cells = (bug.id, bug.project, f"[#{number}]({bug.url})", kill.contract, bug.kind, bug.summary)
    return f"| {' | '.join(cells)} | {found} |\n"


def wrong(kills: Iterable[Kill]) -> list[str]:
    """The rows that are not what they say."""
    return [kill.id for kill in kills if bool(kill.laws) == bool(BUGS[kill.id].outside)]


def main() -> int:
    """Try all, print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # The processes that try them look them up there.
    BROKEN.update(OUTSIDE)
    kills = all_tried([(name, options.seed) for name in BUGS])
    if options.write:
        PAGE.write_text(page(kills))
    else:
        sys.stdout.write(page(kills))
    for name in wrong(kills):
        sys.stderr.write(f"{name} is not what its row says\n")
    return 1 if wrong(kills) else 0


if __name__ == "__main__":
    sys.exit(main())
