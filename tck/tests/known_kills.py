"""Which law is known to kill which broken driver, so that a test need not look for it again.

``kill_report.py --write`` writes the list. It is only where to look first: a driver that is not
in it, or is not killed as it says, is tried on every law.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from broken.registry import BROKEN, Broken
from omnicloud_tck.law import Law, laws_of

__all__ = ["FILE", "laws_first_known", "likely_killers", "text_of"]

FILE = Path(__file__).parent / "known_kills.json"


def _known() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def laws_first_known(wrong: Broken) -> list[Law]:
    """All laws of the driver's contract, those known to kill it first."""
    known = _known().get(wrong.id, [])
    return sorted(laws_of(wrong.contract), key=lambda law: law.id not in known)


def likely_killers(contract: str, law: str) -> list[Broken]:
    """All broken drivers of the contract, those known to break the law first."""
    known = _known()
    wrong = [one for one in BROKEN.values() if one.contract.contract == contract]
    return sorted(wrong, key=lambda one: law not in known.get(one.id, []))


def text_of(kills: Iterable[tuple[str, tuple[str, ...]]]) -> str:
    """The list as it is written: for each driver few laws, for each law at least one driver."""
    kept: dict[str, list[str]] = {}
    covered: set[tuple[str, str]] = set()
    for driver, laws in sorted(kills, key=lambda kill: (len(kill[1]), kill[0])):
        contract = BROKEN[driver].contract.contract
        sound = [law for law in laws if " " not in law]
        new = [law for law in sound if (contract, law) not in covered]
        kept[driver] = new or sound[:1]
        covered.update((contract, law) for law in new)
    lines = [f"  {json.dumps(driver)}: {json.dumps(laws)}" for driver, laws in sorted(kept.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"
