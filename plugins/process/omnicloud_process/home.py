"""The folder of a service's containers: made, found, changed and removed in plain threads."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    ContainerSpec,
    Health,
    Resources,
    State,
)
from omnicloud.contracts.containers.restarts import (
    STEADY_SECONDS,
    backoff,
)
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from omnicloud_process.config import ProcessConfig
from omnicloud_process.launching import launch
from omnicloud_process.supervise.cgroups import Groups
from omnicloud_process.supervise.folder import ENDED, Folder, Launch, Standing
from omnicloud_process.supervise.segments import Writer

__all__ = ["Home"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DOOR_SECONDS = 20.0
_POLL_SECONDS = 0.02
_END_SECONDS = 15.0
_DOUBLINGS = 11  # 0.1 s doubled until it is more than a minute


class Home:
    """A service's containers on this machine. Every method may wait: call it in a thread.

    Args:
        config: Where, and how much is kept.
        namespace: The service's own part of it.
        enforced: Whether limits are set.
        disk: The number of the disk whose reads and writes can be limited, where one's can.
    """

    def __init__(
        self, config: ProcessConfig, namespace: str, *, enforced: bool, disk: str | None = None
    ) -> None:
        self._config = config
        self._enforced = enforced
        self._disk = disk
        self._path = config.path.absolute() / _hashed(namespace)
        self.events = self._path / "events"

    def open(self) -> None:
        """Make the folders, readable by their owner alone."""
        (self._path / "containers").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.chmod(0o700)
        self.events.mkdir(exist_ok=True)

    def make(self, spec: ContainerSpec) -> Container:
        """Make a container and start it; none is left where it cannot be started."""
        folder = self._folder(spec.name)
        part = Folder(folder.path.with_name(f".part-{uuid.uuid4().hex}"))
        part.path.mkdir(mode=0o700)
        try:
            with self._door(part):
                self._fill(part, folder, spec)
                self._claim(part, folder)
                try:
                    launch(folder)
                except Exception:
                    self._erase(folder)
                    raise
                return self._seen(folder)
        finally:
            shutil.rmtree(part.path, ignore_errors=True)

    def get(self, name: str) -> Container:
        """How a container stands.

        Raises:
            NotFoundError: There is none.
        """
        with _there():
            return self._seen(self._folder(name))

    def all(self) -> list[Container]:
        """All containers, by name."""
        found = []
        for path in (self._path / "containers").iterdir():
            if not path.name.startswith("."):
                with contextlib.suppress(NotFoundError), _there():
                    found.append(self._seen(Folder(path)))
        return sorted(found, key=lambda one: one.name)

    def start(self, name: str) -> Container:
        """Start what has ended."""
        folder = self._folder(name)
        with _there(), self._door(folder):
            standing = folder.standing()
            if standing["state"] == "restarting":
                folder.tell({"do": "start"})
                self._until(folder, "running", ENDED)
            elif standing["state"] == ENDED:
                self._let_go(folder)
                launch(folder)
            return self._seen(folder)

    def order(self, name: str, order: str, *states: str, **more: object) -> Container:
        """Give an order to what runs and wait for one of those states.

        Raises:
            ConflictError: It does not run.
        """
        folder = self._folder(name)
        with _there():
            if folder.standing()["state"] not in ("running", "paused"):
                raise _not_running()
            folder.tell({"do": order, **more})
            self._until(folder, *states, ENDED)
            return self._seen(folder)

    def ask_to_end(self, name: str, grace: float) -> Container:
        """Give the order to stop, and do not wait."""
        folder = self._folder(name)
        with _there():
            if folder.standing()["state"] != ENDED:
                folder.tell({"do": "stop", "grace": grace})
            return self._seen(folder)

    def limit(self, name: str, asked: Resources) -> Container:
        """Change limits of what runs."""
        folder = self._folder(name)
        with _there(), self._door(folder):
            if folder.standing()["state"] not in ("running", "paused"):
                raise _not_running()
            limits = folder.limits()
            changed = limits | asdict(_resources(limits).changed(asked))
            if asked.limits_io and limits.get("disk") is None:
                raise UnsupportedError(
                    "the container was made where reads and writes are not limited",
                    hint="remove it and run it again",
                )
            groups = Groups(folder.launch()["id"], limits.get("disk"))
            try:
                groups.limit(changed)
            except OSError as error:
                with contextlib.suppress(OSError):
                    groups.limit(limits)
                raise _limit_refused(error) from error
            folder.limit(changed)
            self._tell(folder.launch()["name"], "updated")
            return self._seen(folder)

    def remove(self, name: str, *, force: bool) -> bool:
        """Forget a container; whether there was one."""
        folder = self._folder(name)
        try:
            with _there(), self._door(folder):
                if folder.standing()["state"] != ENDED and not force:
                    raise ConflictError("the container has not ended", hint="stop it, or force it")
                folder.tell({"do": "stop", "grace": 0})
                self._until(folder, ENDED)
                self._let_go(folder)
                self._erase(folder)
                self._tell(name, "removed")
                return True
        except NotFoundError:
            return False

    def launched(self, name: str) -> tuple[Launch, Standing]:
        """What a container is, and how it stands."""
        folder = self._folder(name)
        with _there():
            return folder.launch(), folder.standing()

    def groups(self, name: str) -> Groups | None:
        """The groups of a container, where limits are set."""
        folder = self._folder(name)
        with _there():
            limits, id_ = folder.limits(), folder.launch()["id"]
        return Groups(id_, limits.get("disk")) if self._enforced else None

    def logs(self, name: str) -> Path:
        """The folder of its lines."""
        return self._folder(name).logs

    def _fill(self, part: Folder, folder: Folder, spec: ContainerSpec) -> None:
        id_ = uuid.uuid4().hex
        work = folder.path / "work"
        (part.path / "work").mkdir()
        part.logs.mkdir()
        os.mkfifo(part.control, 0o600)
        (part.path / "lock").touch()
        part.limit(asdict(spec.resources) | {"enforced": self._enforced, "disk": self._disk})
        check = spec.health
        part.write_spec(
            Launch(
                name=spec.name,
                id=id_,
                command=list(spec.command),
                env={"PATH": _PATH, **spec.env},
                labels=dict(spec.labels),
                cwd=spec.working_dir or str(work),
                when=spec.restart.when.value,
                most=spec.restart.most,
                delays=[backoff(streak) for streak in range(_DOUBLINGS)],
                steady=STEADY_SECONDS,
                check=list(check.command) if check else [],
                check_interval=check.interval if check else 0.0,
                check_timeout=check.timeout if check else 0.0,
                check_retries=check.retries if check else 0,
                log_bytes=self._config.log_bytes,
                log_files=self._config.log_files,
                events=str(self.events),
            )
        )
        part.stand(
            Standing(
                state=ENDED, exit_code=None, restarts=0, started_at=0.0, pid=0, health="unknown"
            )
        )

    def _claim(self, part: Folder, folder: Folder) -> None:
        """Take the name: a folder is renamed over nothing, so only one client can."""
        try:
            part.path.rename(folder.path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise AlreadyExistsError("there is a container of that name") from None

    def _seen(self, folder: Folder) -> Container:
        launched, standing = folder.launch(), folder.standing()
        return Container(
            name=launched["name"],
            id=launched["id"],
            state=State(standing["state"]),
            exit_code=standing["exit_code"],
            restarts=standing["restarts"],
            started_at=standing["started_at"],
            health=Health(standing["health"]),
            labels=launched["labels"],
            resources=_told(folder.limits(), launched["id"], standing["state"]),
        )

    def _until(self, folder: Folder, *states: str) -> None:
        until = time.monotonic() + _END_SECONDS
        while folder.standing()["state"] not in states:
            if time.monotonic() > until:
                raise UnavailableError("the container's supervisor does not do what it is told")
            time.sleep(_POLL_SECONDS)

    def _let_go(self, folder: Folder) -> None:
        """Wait until the supervisor of a container that ended is gone."""
        until = time.monotonic() + _END_SECONDS
        while folder.supervised():
            if time.monotonic() > until:
                raise UnavailableError("the container's supervisor does not end")
            time.sleep(_POLL_SECONDS)

    def _erase(self, folder: Folder) -> None:
        Groups(folder.launch()["id"], folder.limits().get("disk")).remove()
        gone = folder.path.with_name(f".gone-{uuid.uuid4().hex}")
        folder.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _tell(self, name: str, kind: str) -> None:
        event = {"name": name, "kind": kind, "at": time.time(), "code": None}
        Writer(self.events, 1 << 20, 8).append([("event", json.dumps(event).encode())])

    @contextmanager
    def _door(self, folder: Folder) -> Iterator[None]:
        """Let one client at a time start, change or remove a container."""
        with (folder.path / "door").open("ab") as door:
            until = time.monotonic() + _DOOR_SECONDS
            while True:
                try:
                    fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise UnavailableError("another client holds the container") from None
                    time.sleep(_POLL_SECONDS)
            yield

    def _folder(self, name: str) -> Folder:
        return Folder(self._path / "containers" / _hashed(name))


@contextmanager
def _there() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFoundError("there is no container of that name") from None


def _told(limits: dict[str, Any], id_: str, state: str) -> Resources:
    """The limits as the kernel has them, else as they were asked for."""
    if limits["enforced"] and state in ("running", "paused"):
        with contextlib.suppress(OSError):
            return Resources(**Groups(id_, limits.get("disk")).limits())
    return _resources(limits)


def _resources(limits: dict[str, Any]) -> Resources:
    """The limits of a container's folder, an older version's too."""
    return Resources(**{each.name: limits.get(each.name) for each in fields(Resources)})


def _not_running() -> ConflictError:
    return ConflictError("the container does not run", hint="start it")


def _limit_refused(error: OSError) -> ConflictError:
    reason = "it uses more memory than that" if error.errno == errno.EBUSY else "the kernel does"
    return ConflictError(f"the limit is refused: {reason}")


def _hashed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:40]
