"""A real PostgreSQL server as a child process of the compatibility kit.

The program refuses to run as root, so it is started as another user where the kit is root.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from omnicloud_tck.servers import NoServerError, ServerProcess

__all__ = ["URL", "PostgresServer", "postgres_server", "program", "server_version", "some_server"]

URL = "OMNICLOUD_TEST_POSTGRES_URL"

_DEBIAN = Path("/usr/lib/postgresql")
_SMALL = (
    "shared_buffers=16MB",
    "max_connections=200",
    "max_wal_size=256MB",
    "autovacuum_naptime=10s",
    "unix_socket_directories=",
    "listen_addresses=127.0.0.1",
    "deadlock_timeout=200ms",
    "dynamic_shared_memory_type=mmap",  # in its folder: nothing is left behind by kill -9
    "recovery_init_sync_method=syncfs",  # not file by file: a crash shall take less than a second
)
_GONE_SECONDS = 5.0


class PostgresServer(ServerProcess):
    """A server that is killed with all its processes, as by a loss of power.

    Killing its first process alone leaves the others at work for a moment, and a new server
    on the same folder would not start meanwhile.
    """

    async def start(self) -> None:
        """Start it, unless it runs."""
        if not self.running:
            await super().start()

    def remove(self) -> None:
        """Keep it for the next world, which has names of its own; it ends with this process."""
        if self.running:
            _RESTING.append(self)
        else:
            super().remove()

    def end(self) -> None:
        """End it and remove its folder."""
        super().remove()

    def kill(self) -> None:
        """End it and its children without a word."""
        children = [] if self._process is None else _children(self._process.pid)
        super().kill()
        for child in children:
            _kill(child)
        until = time.monotonic() + _GONE_SECONDS
        while any(_lives(child) for child in children):
            if time.monotonic() > until:
                raise NoServerError("processes of the server did not end when killed")
            time.sleep(0.005)


_RESTING: list[PostgresServer] = []
"""Servers of worlds that were closed: starting one takes a second."""


@atexit.register
def _end_all() -> None:
    while _RESTING:
        _RESTING.pop().end()


def some_server() -> PostgresServer:
    """A server that other worlds may have used before, one after another."""
    return _RESTING.pop() if _RESTING else postgres_server()


def postgres_server(*settings: str) -> PostgresServer:
    """A server that is not started yet; ``settings`` are ``name=value``."""
    binary = program("postgres")

    def command(port: int, folder: Path) -> Sequence[str]:
        data = folder / "data"
        if not data.exists():
            _copy(_template(), data)
        given = [part for one in (*_SMALL, *settings) for part in ("-c", one)]
        return (*_as_user(), binary, "-D", str(data), "-p", str(port), *given)

    return PostgresServer(command, _answers, within=30.0)


def program(name: str) -> str:
    """A program of the server.

    Raises:
        NoServerError: There is none.
    """
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: _version(path.parts[4]))
    known = str(found[-1]) if found else shutil.which(name)
    if known is None:
        raise NoServerError(
            "there is no PostgreSQL server to certify over: install the package postgresql, "
            f"or set {URL}"
        )
    return known


def _version(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as; ``None`` for who runs the kit."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServerError("PostgreSQL does not run as root, and there is no other user")


def _as_user() -> tuple[str, ...]:
    """The words before a command that run it as that user, in the same process."""
    user = _user()
    if user is None:
        return ()
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")


def _template() -> Path:
    """A fresh data folder, made once on this machine for each version."""
    initdb = program("initdb")
    version = Path(initdb).parts[4] if initdb.startswith(str(_DEBIAN)) else "other"
    wanted = Path(tempfile.gettempdir()) / f"omnicloud-postgres-{os.geteuid()}-{version}"
    if not (wanted / "PG_VERSION").exists():
        made = wanted.with_name(f"{wanted.name}-{uuid.uuid4().hex}")
        made.mkdir(mode=0o700)
        _own(made)
        _initialise(initdb, made)
        try:
            made.rename(wanted)
        except OSError:  # another run was first
            shutil.rmtree(made)
    return wanted


def _initialise(initdb: str, folder: Path) -> None:
    words = ("-D", str(folder), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
    done = subprocess.run(  # noqa: S603 - our own words
        (*_as_user(), initdb, *words, "--locale=C.UTF-8"),
        capture_output=True,
        check=False,
        cwd="/",
        timeout=60,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(folder)},
    )
    if done.returncode:
        raise NoServerError(f"initdb failed:\n{done.stderr.decode(errors='replace')[-2000:]}")


def _copy(template: Path, data: Path) -> None:
    shutil.copytree(template, data)
    user = _user()
    if user is None:
        return
    _own(data.parent)
    for path in (data, *data.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)


def _own(path: Path) -> None:
    user = _user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state not in "ZX"  # who adopted it may take its time to notice


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


async def server_version(port: int) -> str:
    """What the server on that port says of its version.

    Raises:
        OSError: It does not answer yet.
    """
    try:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=port,
            user=os.environ.get("PGUSER", "postgres"),
            database="postgres",
            ssl=False,
            timeout=2,
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError("not ready yet") from error
    try:
        return str(await connection.fetchval("SHOW server_version")).partition(" ")[0]
    except asyncpg.PostgresError as error:
        raise ConnectionError("not ready yet") from error
    finally:
        connection.terminate()


async def _answers(port: int) -> None:
    await server_version(port)
