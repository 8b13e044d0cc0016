"""The folder of one container: what it is, how it stands, and who may change it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any, TypedDict

__all__ = ["ENDED", "Folder", "Launch", "Standing"]

ENDED = "exited"


class Launch(TypedDict):
    """What is to run, as the supervisor needs it; written once.

    ``delays``: the seconds before each restart of a streak, the last for all further ones.
    """

    name: str
    id: str
    command: list[str]
    env: dict[str, str]
    labels: dict[str, str]
    cwd: str
    when: str
    most: int | None
    delays: list[float]
    steady: float
    check: list[str]
    check_interval: float
    check_timeout: float
    check_retries: int
    log_bytes: int
    log_files: int
    events: str


class Standing(TypedDict):
    """How it stands; written whole at each change."""

    state: str
    exit_code: int | None
    restarts: int
    started_at: float
    pid: int
    health: str


class Folder:
    """Reads and writes the files of one container."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.control = path / "control"

    def launch(self) -> Launch:
        """What is to run."""
        found: Launch = json.loads((self.path / "spec.json").read_bytes())
        return found

    def standing(self) -> Standing:
        """How it stands; a supervisor that died without a word has ended its container."""
        found: Standing = json.loads((self.path / "state.json").read_bytes())
        if found["state"] != ENDED and not self.supervised():
            again: Standing = json.loads((self.path / "state.json").read_bytes())
            if again["state"] != ENDED:
                again["state"], again["exit_code"], again["health"] = ENDED, 137, "unknown"
            return again
        return found

    def stand(self, standing: Standing) -> None:
        """Write how it stands."""
        self._write("state.json", standing)

    def limits(self) -> dict[str, Any]:
        """Limits as they were asked for last, by name; ``enforced``: whether they are set.

        ``disk`` is the number of the disk whose reads and writes are limited, where one's are;
        a container of an older version has no limits of those, and no such names.
        """
        found: dict[str, Any] = json.loads((self.path / "limits.json").read_bytes())
        return found

    def limit(self, limits: dict[str, Any]) -> None:
        """Write what is asked for."""
        self._write("limits.json", limits)

    def supervised(self) -> bool:
        """Whether a supervisor lives: it holds its lock for as long."""
        with (self.path / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def tell(self, order: dict[str, Any]) -> None:
        """Give the supervisor an order; silent where there is none."""
        with contextlib.suppress(OSError):
            pipe = os.open(self.control, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, json.dumps(order).encode() + b"\n")
            finally:
                os.close(pipe)

    def write_spec(self, launch: Launch) -> None:
        """Write what is to run."""
        self._write("spec.json", launch)

    def _write(self, name: str, content: object) -> None:
        part = self.path / f"{name}.{os.getpid()}.part"
        part.touch(0o600)
        part.write_text(json.dumps(content))
        part.replace(self.path / name)
