"""A Kubernetes control plane on loopback: etcd, the API server, kube-scheduler; no node runs.

The programs are those of ``build_kubernetes.sh``. etcd does not wait for the disk.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import CREATED, OK
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from omnicloud_etcd.certify import etcd_server
from omnicloud_tck.servers import ServerProcess
from omnicloud_tck.tls import certificate_in

_NAMED = "OMNICLOUD_KUBERNETES"
FOLDER = Path(os.environ.get(_NAMED, "~/.cache/omnicloud/kubernetes-1.20.2")).expanduser()
NAMESPACE = "omnicloud"
_READY_SECONDS = 180.0
_SCHEDULER = """apiVersion: kubescheduler.config.k8s.io/v1beta1
kind: KubeSchedulerConfiguration
leaderElection: {{leaderElect: false}}
clientConnection: {{kubeconfig: {kubeconfig}, qps: 5000, burst: 5000}}
healthzBindAddress: 127.0.0.1:{port}
metricsBindAddress: 127.0.0.1:{port}
percentageOfNodesToScore: {share}
profiles:
- schedulerName: default-scheduler
{profile}"""
_MOST = """  plugins:
    score:
      disabled: [{name: NodeResourcesLeastAllocated}, {name: NodeResourcesBalancedAllocation}]
      enabled: [{name: NodeResourcesMostAllocated, weight: 1}]
"""


@dataclass(frozen=True)
class Profile:
    """How kube-scheduler scores: as it does unless told, or the fullest first.

    Attributes:
        most: MostAllocated instead of LeastAllocated and BalancedAllocation.
        share: Of nodes that are looked at, in per cent; 0 is its own choice, 46 of 500 nodes.
    """

    most: bool = False
    share: int = 0


@dataclass(frozen=True)
class Plane:
    """The API server, and what is needed to speak to it."""

    api: aiohttp.ClientSession
    kubeconfig: Path

    @asynccontextmanager
    async def scheduler(self, profile: Profile) -> AsyncIterator[str]:
        """Have kube-scheduler decide; where it tells its metrics."""

        def command(port: int, folder: Path) -> Sequence[str]:
            config = folder / "scheduler.yaml"
            config.write_text(
                _SCHEDULER.format(
                    kubeconfig=self.kubeconfig,
                    port=port,
                    share=profile.share,
                    profile=_MOST if profile.most else "",
                )
            )
            program = str(FOLDER / "kube-scheduler")
            return (program, f"--config={config}", "--secure-port=0", "--v=0")

        server = ServerProcess(command, _healthy, within=_READY_SECONDS)
        await server.start()
        try:
            yield f"http://127.0.0.1:{server.port}/metrics"
        finally:
            server.remove()


def missing(*, asked_for: bool = False) -> str:
    """What is not there and how to get it; empty where all is.

    Where it has to be ``asked_for`` the folder must be named: a control plane takes a minute of
    processors that are slow, more than what is done every time should cost.
    """
    if asked_for and _NAMED not in os.environ:
        return f"{_NAMED} names no folder with kube-apiserver and kube-scheduler"
    absent = [name for name in ("kube-apiserver", "kube-scheduler") if not (FOLDER / name).exists()]
    if absent:
        build = "sh benchmarks/placement/build_kubernetes.sh"
        return f"no {' and no '.join(absent)} in {FOLDER}: {build}"
    return "" if which("etcd") else "no etcd: install Debian's etcd-server"


@asynccontextmanager
async def plane() -> AsyncIterator[Plane]:
    """An empty cluster, which ends with the block."""
    etcd = etcd_server()
    await etcd.start()
    try:
        with TemporaryDirectory(prefix="omnicloud-kubernetes-") as folder:
            access = _Access(Path(folder))
            server = ServerProcess(
                lambda port, _: access.command(port, etcd.port), access.ready, within=_READY_SECONDS
            )
            await server.start()
            try:
                async with access.session(server.port) as api:
                    await sent(api, "namespaces", {"metadata": {"name": NAMESPACE}})
                    yield Plane(api, access.kubeconfig(server.port))
            finally:
                server.remove()
    finally:
        etcd.end()


async def sent(api: aiohttp.ClientSession, path: str, what: object) -> dict[str, Any]:
    """Create an object; what the API server made of it."""
    async with api.post(f"/api/v1/{path}", json=what) as answer:
        made: dict[str, Any] = await answer.json()
        if answer.status != CREATED:
            raise RuntimeError(f"the API server refused one of {path}: {made.get('message')}")
        return made


class _Access:
    """The API server's certificate, and a token for all who speak to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = secrets.token_hex(16)
        self._public, self._private = certificate_in(folder)
        self._trusted = ssl.create_default_context(cafile=str(self._public))
        self._tokens = folder / "tokens.csv"
        self._tokens.write_text(f"{self._token},bench,bench,system:masters\n")

    def command(self, port: int, etcd: int) -> Sequence[str]:
        return (
            *(str(FOLDER / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{etcd}"),
            *("--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={self._folder}"),
            *(f"--tls-cert-file={self._public}", f"--tls-private-key-file={self._private}"),
            *(f"--token-auth-file={self._tokens}", "--anonymous-auth=false"),
            *("--authorization-mode=AlwaysAllow", "--service-cluster-ip-range=10.0.0.0/24"),
            f"--service-account-signing-key-file={self._private}",
            f"--service-account-key-file={self._public}",
            "--service-account-issuer=https://omnicloud.invalid",
            # nobody reports that nodes are ready, and nobody makes service accounts
            "--disable-admission-plugins=TaintNodesByCondition,ServiceAccount",
            "--enable-priority-and-fairness=false",
        )

    def kubeconfig(self, port: int) -> Path:
        path = self._folder / "kubeconfig"
        cluster = f"{{server: 'https://localhost:{port}', certificate-authority: {self._public}}}"
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n"
            f"clusters: [{{name: it, cluster: {cluster}}}]\n"
            f"users: [{{name: it, user: {{token: {self._token}}}}}]\n"
            "contexts: [{name: it, context: {cluster: it, user: it}}]\n"
        )
        return path

    def session(self, port: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            f"https://localhost:{port}",
            headers={"Authorization": f"Bearer {self._token}"},
            connector=aiohttp.TCPConnector(ssl=self._trusted, limit=32),
            timeout=aiohttp.ClientTimeout(total=None, connect=60, sock_read=600),
        )

    async def ready(self, port: int) -> None:
        async with self.session(port) as api:
            await _answers(api, "/readyz")


async def _healthy(port: int) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        await _answers(session, "/healthz")


async def _answers(session: aiohttp.ClientSession, path: str) -> None:
    """Raise ``OSError``, which is what stands for not yet."""
    try:
        async with session.get(path, timeout=aiohttp.ClientTimeout(total=10)) as answer:
            if answer.status == OK:
                return
    except (aiohttp.ClientError, TimeoutError) as error:
        await asyncio.sleep(0.1)
        raise OSError("it does not answer yet") from error
    await asyncio.sleep(0.1)
    raise OSError("it is not ready yet")
