"""A Docker Engine of the kit's own: started by hand on a private socket, killed, brought back.

Imported by the kit alone.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from omnicloud.contracts.containers.images import ImportImage
from omnicloud.errors import OmniCloudError
from omnicloud_docker.client import EngineClient
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.images import DockerImages
from omnicloud_tck.servers import NoServerError

__all__ = ["IMAGE", "Daemon"]

IMAGE = "omnicloud-tck:local"
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_APPLETS = (
    "sh",
    "echo",
    "sleep",
    "seq",
    "true",
    "false",
    "cat",
    "env",
    "dd",
    "tail",
    "httpd",
    "wget",
)


class Daemon:
    """``dockerd`` with its own data, socket and control groups, and one image of busybox."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="omnicloud-docker-"))
        self.socket = self._folder / "docker.sock"
        self._keeper: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._one = threading.Lock()
        atexit.register(self.remove)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"unix://{self.socket}"

    async def start(self) -> None:
        """Start it where it does not run, and wait until it answers and has its image.

        Raises:
            NoServerError: There is no such program, no right to run it, or it does not begin.
        """
        async with self._turn():
            await self._start()

    async def restart(self) -> None:
        """Kill the engine as ``kill -9`` does, its containers not, and start it again."""
        async with self._turn():
            if self._process is not None:
                self._process.kill()
                await asyncio.to_thread(self._process.wait, 10)
                self._process = None
            with contextlib.suppress(FileNotFoundError):
                (self._folder / "docker.pid").unlink()
            await self._start()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Let one thread at a time start it: the kit tries laws side by side, each in its own."""
        while not self._one.acquire(blocking=False):  # noqa: ASYNC110 - of other threads
            await asyncio.sleep(0.05)
        try:
            yield
        finally:
            self._one.release()

    async def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._check()
        self._begin()
        await self._ready()
        await self._has_image()

    def remove(self) -> None:
        """Stop it and remove its data; twice is silent."""
        for process in (self._process, self._keeper):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_SECONDS)
        self._process = self._keeper = None
        self._end_helpers()
        self._unmount()
        shutil.rmtree(self._folder, ignore_errors=True)
        for group in Path("/sys/fs/cgroup").glob(f"*/{self._folder.name}"):
            with contextlib.suppress(OSError):
                group.rmdir()

    def _unmount(self) -> None:
        """Unmount what an engine that was killed left mounted in its folder, the deepest first."""
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted(mounted, reverse=True):
            if place.startswith(f"{self._folder}/"):
                subprocess.run(["/bin/umount", "-l", place], check=False)  # noqa: S603 - our own

    def _end_helpers(self) -> None:
        """End what belongs to this engine's folder, and nothing else."""
        ours = str(self._folder).encode()
        for found in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if ours in found.read_bytes():
                    os.kill(int(found.parent.name), signal.SIGKILL)

    def _check(self) -> None:
        for program in ("dockerd", "containerd", "runc", "busybox"):
            if shutil.which(program, path=_path()) is None:
                raise NoServerError(
                    f"there is no {program}: install docker.io and busybox-static, or set "
                    "OMNICLOUD_TEST_DOCKER_URL"
                )
        if os.geteuid() != 0:
            raise NoServerError("an engine needs root; set OMNICLOUD_TEST_DOCKER_URL instead")

    def _begin(self) -> None:
        """Start containerd, which outlives the engine's crashes, and the engine."""
        folder = self._folder
        if self._keeper is None:
            self._keeper = self._started(
                "containerd",
                *("--address", str(folder / "containerd.sock")),
                *("--root", str(folder / "kept"), "--state", str(folder / "state")),
            )
        self._process = self._started(
            "dockerd",
            *("--containerd", str(folder / "containerd.sock")),
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
            *("--pidfile", str(folder / "docker.pid"), "--host", self.url),
            *("--cgroup-parent", f"/{folder.name}", "--live-restore"),
            *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"),
        )

    def _started(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - starts, does not wait
                [shutil.which(program, path=_path()) or program, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={"PATH": _path(), "HOME": str(self._folder)},
                start_new_session=True,
            )

    async def _ready(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while True:
            client = EngineClient(DockerConfig(url=self.url))
            try:
                await client.meet()
            except OmniCloudError:
                self._still_starting(until)
                await asyncio.sleep(0.05)
            else:
                return
            finally:
                await client.aclose()

    def _still_starting(self, until: float) -> None:
        over = self._process is None or self._process.poll() is not None
        if over or time.monotonic() > until:
            said = (self._folder / "dockerd.log").read_text(errors="replace")[-2000:]
            raise NoServerError(f"the engine did not begin:\n{said}")

    async def _has_image(self) -> None:
        archive = self._folder / "root.tar"
        if archive.exists():
            return
        _write_root(archive)
        client = EngineClient(DockerConfig(url=self.url))
        try:
            await client.meet()
            await DockerImages(client).import_image(ImportImage(IMAGE, path=str(archive)))
        finally:
            await client.aclose()


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _write_root(archive: Path) -> None:
    """A root file system of busybox and links to it."""
    program = shutil.which("busybox", path=_path()) or "busybox"
    with tarfile.open(archive, "w") as tar:
        for folder in ("bin", "tmp", "etc", "proc", "dev", "sys"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        data = Path(program).read_bytes()
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(data), 0o755
        tar.addfile(entry, io.BytesIO(data))
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
