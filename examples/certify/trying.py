"""Tries libraries one after another, each in a process of its own that has so much time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from omnicloud_tck.certificates.model import MAX_REASON, LawEntry
from omnicloud_tck.certificates.rungs import Judgement, judged
from omnicloud_tck.certify import Trial, certify_contract
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Result, Verdict

from .findings import explained
from .subjects import Subject

__all__ = ["Outcome", "try_apart", "try_here"]

SECONDS = 420.0
"""For all laws of a library together; a law not come to by then is *not tried*."""

_ROOT = Path(__file__).parents[2]
_NO_TIME = "the library's time was over before"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a library came out.

    Attributes:
        said: The end of what it wrote to standard error, where not all laws were come to.
    """

    subject: Subject
    features: tuple[str, ...]
    laws: tuple[LawEntry, ...]
    said: str = ""

    @property
    def judgement(self) -> Judgement:
        """Which rung it would stand on."""
        return judged(self.laws, self.features)

    def of(self, verdict: Verdict) -> list[LawEntry]:
        """The laws that came out so."""
        return [law for law in self.laws if law.result is verdict]

    @property
    def unexplained(self) -> list[LawEntry]:
        """The broken laws of which nobody has said yet whose they are."""
        name = self.subject.name
        return [law for law in self.of(Verdict.BROKEN) if not explained(name, law.id)]


def try_here(subject: Subject, *, seed: int, examples: int) -> None:
    """Try a library in this process; print lines of JSON: the features, then each law."""

    def told(what: Law | Result) -> None:
        if isinstance(what, Result):
            entry = _entry(what.law, what.verdict, what.reason, seconds=what.seconds, seed=seed)
            print(entry.model_dump_json(), flush=True)

    trial = Trial(subject.contract, subject.make_world, subject.contract_class())
    print(json.dumps(trial.declared.features), flush=True)
    certify_contract(trial, seed=seed, examples=examples, told=told)


def try_apart(
    subject: Subject, *, seed: int = 0, examples: int = 20, within: float = SECONDS
) -> Outcome:
    """Try a library in a process of its own, which is ended after ``within`` seconds."""
    command = [sys.executable, "-m", "examples.certify", "--here", subject.name]
    command += ["--seed", str(seed), "--examples", str(examples)]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a name out of the list
            command, cwd=_ROOT, capture_output=True, timeout=within, check=False
        )
        out, said = done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        out, said = late.stdout or b"", late.stderr or b""
    return _outcome(subject, out.decode(), said.decode(errors="replace"), seed)


def _outcome(subject: Subject, out: str, said: str, seed: int) -> Outcome:
    first, *lines = [line for line in out.splitlines() if line.endswith(("]", "}"))] or ["[]"]
    entries = {law.id: law for law in map(LawEntry.model_validate_json, lines)}
    laws = laws_of(subject.contract_class())
    untried = [law for law in laws if law.id not in entries]
    for law in untried:
        entries[law.id] = _entry(law, Verdict.NOT_TRIED, _NO_TIME, seconds=0.0, seed=seed)
    told = said[-2000:] if untried else ""
    return Outcome(subject, tuple(json.loads(first)), tuple(entries[law.id] for law in laws), told)


def _entry(law: Law, verdict: Verdict, reason: str, *, seconds: float, seed: int) -> LawEntry:
    return LawEntry(
        id=law.id,
        title=law.clause,
        level=law.level,
        rung=law.rung,
        needs=tuple(sorted(law.needs)),
        abilities=tuple(sorted(law.abilities)),
        result=verdict,
        reason=reason[:MAX_REASON],
        missing=tuple(sorted(law.abilities)) if verdict is Verdict.NOT_TRIED else (),
        seconds=round(seconds, 2),
        seed=seed,
    )
