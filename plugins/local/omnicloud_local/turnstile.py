"""Who writes next, among the processes of one machine: first come, first served.

SQLite lets a process that finds its lock taken sleep and look again; one that is always ready to
write takes the lock back before a sleeper has looked. So writers pass two locked files first:
whoever holds ``next`` is next, and gives it up once it has ``turn``. Who has just had its turn
finds ``next`` held by whoever came meanwhile, and stands behind.

The kernel keeps the line (``flock``), and gives up what a process held when it dies, however it
dies. Where there is no ``flock``, SQLite's own lock is all there is.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import IO

from omnicloud.errors import Outcome, UnavailableError
from omnicloud_local.errors import mapped, translated

if sys.platform != "win32":
    import fcntl

__all__ = ["Turnstile"]


class Turnstile:
    """One writer's place in the line. Used by the writer's thread alone.

    Args:
        database: The file that the line is for; the locked files lie beside it.
        patience: Seconds to stand in the line at most.

    Raises:
        PermissionDeniedError: The files cannot be made.
    """

    def __init__(self, database: Path, patience: float) -> None:
        self._patience = patience
        self._standing: _Standing | None = None
        with mapped(f"opening the line of {database}"):
            self._next = _opened(database, "next")
            self._turn = _opened(database, "turn")

    def enter(self) -> None:
        """Come to one's turn.

        Raises:
            UnavailableError: It did not come for ``patience`` seconds; nothing was done.
        """
        standing = self._standing
        if standing is None or not standing.again():
            if _at_once(self._next, self._turn):
                return
            standing = self._standing = _Standing(self._next, self._turn)
        if not standing.through(self._patience):
            raise UnavailableError(
                f"other processes kept the database for {self._patience:.0f} s",
                hint="look for a process that hangs in a transaction",
                outcome=Outcome.NOT_DONE,
            )
        self._standing = None

    def leave(self) -> None:
        """Let the next one write."""
        _unlock(self._turn)

    def close(self) -> None:
        """Leave the line for good."""
        self._next.close()
        self._turn.close()


class _Standing:
    """Stands in the line in a thread of its own, for ``flock`` knows no bound."""

    def __init__(self, next_: IO[bytes], turn: IO[bytes]) -> None:
        self._files = next_, turn
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._error: Exception | None = None
        self._wanted = True
        threading.Thread(target=self._stand, name="omnicloud-line", daemon=True).start()

    def again(self) -> bool:
        """Whether it still stands, after its turn was given up; it is wanted again if so."""
        with self._lock:
            self._wanted = not self._over.is_set()
            return self._wanted

    def through(self, seconds: float) -> bool:
        """Whether the turn came in time; where it did not, it is let pass when it comes."""
        self._over.wait(seconds)
        with self._lock:
            self._wanted = self._over.is_set()
        if self._error is not None:
            raise translated(self._error, "waiting for other processes") from self._error
        return self._wanted

    def _stand(self) -> None:
        next_, turn = self._files
        try:
            fcntl.flock(next_, fcntl.LOCK_EX)
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(next_, fcntl.LOCK_UN)
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            self._error = error
        with self._lock:
            if not self._wanted and self._error is None:
                fcntl.flock(turn, fcntl.LOCK_UN)
            self._over.set()


def _at_once(next_: IO[bytes], turn: IO[bytes]) -> bool:
    """Take the turn if nobody else wants it; if somebody has it, be next where possible."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(next_, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(next_, fcntl.LOCK_UN)
    return True


def _unlock(turn: IO[bytes]) -> None:
    if sys.platform != "win32":
        fcntl.flock(turn, fcntl.LOCK_UN)


def _opened(database: Path, what: str) -> IO[bytes]:
    return database.with_name(f"{database.name}-{what}").open("ab", buffering=0)
