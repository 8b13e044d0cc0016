"""How far a run is: which laws are being tried, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from omnicloud_tck.beside import PROCESSES
from omnicloud_tck.certificates.reading import Unreadable, read, read_bounded
from omnicloud_tck.certify import WORKERS, Trial
from omnicloud_tck.law import Law
from omnicloud_tck.runner import Result, Verdict

__all__ = ["Bar", "expected_seconds", "last_durations", "progress_of"]

USUAL_SECONDS = 0.2
"""What a law takes where no earlier run says it."""

Durations = Mapping[tuple[str, str], float]


def last_durations(path: Path) -> Durations:
    """Seconds by contract and law out of the last run's certificate; none where there is none."""
    try:
        certificate, _ = read(read_bounded(path))
    except Unreadable:
        return {}
    return {
        (name, law.id): law.seconds
        for name, entry in certificate.contracts.items()
        for law in entry.laws
    }


def expected_seconds(
    contract: str, waiting: Iterable[Law], durations: Durations, *, virtual: bool
) -> float:
    """How long laws that were not tried yet will take, several at once where they may."""
    known = {law: durations.get((contract, law.id), USUAL_SECONDS) for law in waiting}
    alone = sum(seconds for law, seconds in known.items() if law.alone)
    return alone + (sum(known.values()) - alone) / (PROCESSES if virtual else WORKERS)


def progress_of(console: Console) -> Progress:
    """The table of bars."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("[dim]{task.fields[running]}"),
        console=console,
    )


class Bar:
    """A contract's bar, which hears of laws that begin, from any thread, and of results."""

    def __init__(self, progress: Progress, title: str, trial: Trial, durations: Durations) -> None:
        self.trial = trial
        self._virtual = trial.declared.virtual
        self._durations = durations
        self._waiting = dict.fromkeys(trial.laws)
        self._running: dict[str, None] = {}
        self._progress = progress
        self._lock = Lock()
        self._task = progress.add_task(
            escape(title), total=len(trial.laws), left=self._left(), running="waiting"
        )

    def told(self, about: Law | Result) -> None:
        """Show a law that begins, or how one came out."""
        with self._lock:
            if isinstance(about, Law):
                self._running[about.id] = None
            else:
                self._running.pop(about.law.id, None)
                self._waiting.pop(about.law, None)
            left, running = self._left(), ", ".join(self._running)
        step = 0 if isinstance(about, Law) else 1
        self._progress.update(self._task, advance=step, left=left, running=running)
        if isinstance(about, Result) and about.verdict is Verdict.BROKEN:
            said = f"{about.law.id} broken: {about.reason}"
            self._progress.console.print(said, markup=False, highlight=False)

    def _left(self) -> str:
        seconds = expected_seconds(
            self.trial.contract, self._waiting, self._durations, virtual=self._virtual
        )
        return f"about {seconds:.0f} s left" if self._waiting else "done"
