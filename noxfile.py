"""Every gate by name, the same here and in CI: ``nox -s NAME``.

Sessions share one environment made by uv from this checkout, so that a gate costs its own time
and little more. Arguments after ``--`` go to the tool of the session.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "floors", "bench", "demo", "docs", "tests"]
nox.options.default_venv_backend = "none"
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
HOME = Path(os.environ.get("OMNICLOUD_DEV_VENV", ROOT / ".venv-dev"))
PYTHON_FILES = (
    "omnicloud",
    "tck",
    "plugins",
    "tests",
    "benchmarks",
    "examples",
    "noxfile.py",
    "conftest.py",
)
_APT = ("apt-get", "install", "-qq", "-y", "--no-install-recommends")
CONSTRAINTS = ROOT / "constraints.txt"
GROUPS = ("lint", "types", "floors", "test", "certify-others", "bench", "docs")
WORKERS = str(min(10, max(2, 5 * (os.cpu_count() or 1) // 2)))
"""Processes of a test run: most of its time is waiting for servers and for leases to end."""
TESTS = ("tests", "tck/tests", "plugins")
SPREAD = ("-n", WORKERS, "--dist", "worksteal")
DIFFERENTIAL, DIFFERENTIAL_FULL = 100, 100_000
_FALSE_ALARMS = ("--runs", "100", "--providers", "memory", "--correct", "--examples", "12")
EXAMPLES = "12"
"""Random cases of each law in a run of all tests; a certificate draws 40."""

_INSTALLED = {
    "azure": ("omnicloud_azure.azurite", "OMNICLOUD_TEST_AZURE_URL"),
    "barbican": ("omnicloud_barbican.environment", "OMNICLOUD_TEST_BARBICAN_URL"),
}
"""What npm and pip install beside the tests, unless a server is named."""

# Where this is set, each of the hundreds of processes of a run compiles all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _run(session: nox.Session, *command: str, **env: str) -> None:
    """Run a tool of the shared environment."""
    tool, *arguments = command
    session.run(str(HOME / "bin" / tool), *arguments, external=True, env={**os.environ, **env})


def _ready(session: nox.Session, *groups: str) -> None:
    """Make the shared environment, or bring it up to date where what is wanted of it is new."""
    record, wanted_of = HOME / "ready.json", _wanted()
    before = json.loads(record.read_text()) if record.exists() else {}
    there = set(before["groups"]) if before.get("wanted") == wanted_of else set()
    if before.get("wanted") == wanted_of and there.issuperset(groups):
        return
    uv = str(Path(sys.executable).parent / "uv")
    uv = uv if Path(uv).exists() else "uv"
    if not (HOME / "bin" / "python").exists():
        session.run(uv, "venv", "-q", "--python", sys.executable, str(HOME), external=True)
    wanted = [f"--group={group}" for group in groups]
    folders = [
        ".[cli]",
        "tck",
        *sorted(str(p.parent) for p in ROOT.glob("plugins/*/pyproject.toml")),
    ]
    local = [word for folder in folders for word in ("-e", folder)]
    constrained = ["--constraints", str(CONSTRAINTS)] if CONSTRAINTS.exists() else []
    python = str(HOME / "bin" / "python")
    session.run(
        uv, "pip", "install", "-q", "--python", python, *constrained, *local, *wanted, external=True
    )
    record.write_text(json.dumps({"wanted": wanted_of, "groups": sorted(there.union(groups))}))


def _wanted() -> str:
    """A digest of the files that say what to install, and where from."""
    digest = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    projects = (ROOT.glob(where) for where in ("*.toml", "tck/*.toml", "plugins/*/*.toml"))
    for file in sorted(file for found in projects for file in found):
        digest.update(file.read_bytes())
    if CONSTRAINTS.exists():
        digest.update(CONSTRAINTS.read_bytes())
    return digest.hexdigest()


def _installed(package: str) -> bool:
    """Whether the system's packages have it."""
    if not shutil.which("dpkg"):
        return False
    return not subprocess.run(["dpkg", "-s", package], capture_output=True, check=False).returncode


def _servers(session: nox.Session) -> list[str]:
    """Install the servers that no wheel brings; what to leave out where that cannot be.

    Each line of the list is a package of the system and the provider that is tried with it.
    """
    left_out: list[str] = []
    for line in (ROOT / ".ci" / "apt-packages").read_text().splitlines():
        package, provider = line.split()
        if _installed(package):
            continue
        if os.geteuid() == 0 and shutil.which("apt-get"):
            session.run("apt-get", "update", "-qq", external=True, silent=True)
            session.run(*_APT, package, external=True, silent=True)
        else:
            session.warn(
                f"{package} is missing and only root can install it: {provider} NOT TESTED"
            )
            left_out.append(_left_out(provider))
    return left_out


def _left_out(provider: str) -> str:
    """The argument that leaves a provider's tests out; others are told by the environment."""
    before = os.environ.get("OMNICLOUD_NOT_TESTED", "").split()
    os.environ["OMNICLOUD_NOT_TESTED"] = " ".join([*before, provider])
    return f"--ignore={provider}"


@contextmanager
def _emulators(session: nox.Session) -> Iterator[list[str]]:
    """Have those servers installed that no package brings, while the tests begin.

    Tests that need one wait for it; what to leave out where there is no npm.
    """
    named = [name for name in session.posargs if (ROOT / "plugins" / name).is_dir()]
    wanted = {
        name: module
        for name, (module, running) in _INSTALLED.items()
        if not os.environ.get(running) and (not named or name in named)
    }
    left_out: list[str] = []
    if "azure" in wanted and not shutil.which("npm"):
        session.warn("npm is missing: plugins/azure NOT TESTED")
        left_out.append(_left_out("plugins/azure"))
        del wanted["azure"]
    python = str(HOME / "bin" / "python")
    with ExitStack() as stack:
        for module in wanted.values():
            installing = stack.enter_context(subprocess.Popen((python, "-m", module)))
            stack.callback(installing.terminate)
        yield left_out


@nox.session
def ready(session: nox.Session) -> None:
    """The shared environment with what every gate needs."""
    _ready(session, *GROUPS)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes."""
    _ready(session, "lint")
    _run(session, "ruff", "check", *PYTHON_FILES)
    _run(session, "ruff", "format", "--check", *PYTHON_FILES)


@nox.session
def types(session: nox.Session) -> None:
    """Strict types, in what is shipped and in a user's program."""
    _ready(session, "types", "test")
    _run(session, "mypy")


@nox.session
def floors(session: nox.Session) -> None:
    """A room imports only from below."""
    _ready(session, "floors")
    _run(session, "lint-imports")


@nox.session
def collect(session: nox.Session) -> None:
    """All tests are found, and compiled once for all processes of ``tests``."""
    _ready(session, "test", "certify-others")
    pytest = str(HOME / "bin" / "pytest")
    session.run(pytest, "--collect-only", "-qqq", *TESTS, external=True, silent=True)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, in random order: the library's, the kit's, and every provider under the laws."""
    _ready(session, "test", "certify-others")
    session.log(f"differential execution: {DIFFERENTIAL} operations of each contract and provider")
    with _emulators(session) as left_out:
        every = [*TESTS, *left_out, *_servers(session)]
        _run(
            session,
            *("pytest", *SPREAD, *every, *session.posargs),
            OMNICLOUD_DIFFERENTIAL_OPERATIONS=str(DIFFERENTIAL),
            OMNICLOUD_TCK_EXAMPLES=EXAMPLES,
        )


@nox.session
def tck(session: nox.Session) -> None:
    """Every provider under the laws, or one: ``-- local``.

    ``-- --full``: then fsspec's suite over all providers it is tried with, and 100,000
    operations of each contract on every provider and its model.
    """
    _ready(session, "test")
    named = [name for name in session.posargs if name != "--full"]
    chosen = [f"plugins/{name}" for name in named] or ["tck/tests", "plugins"]
    with _emulators(session) as left_out:
        _run(session, "pytest", *SPREAD, *chosen, *left_out, *_servers(session))
    if "--full" in session.posargs:
        _run(session, "pytest", "-n", "2", "plugins/fsspec", OMNICLOUD_FSSPEC_ALL="1")
        full = ("--operations", str(DIFFERENTIAL_FULL))
        _run(session, "python", "-m", "omnicloud_tck.differential", *full, *named)


@nox.session(name="tck-kills")
def tck_kills(session: nox.Session) -> None:
    """Which law kills which broken driver; ``-- --full``: also 200 runs for false alarms.

    Half of them are of memory, half of the drivers that another hand wrote.
    """
    _ready(session, "test")
    _run(session, "python", "tck/tests/kill_report.py", *session.posargs)
    if "--full" in session.posargs:
        _run(session, "python", "tck/tests/false_alarms.py", *_FALSE_ALARMS)


@nox.session(name="certify-others")
def certify_others(session: nox.Session) -> None:
    """Released libraries of others under the laws; ``-- --write`` for the page about them."""
    _ready(session, "test", "certify-others")
    _run(session, "python", "-m", "examples.certify", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, built without a warning."""
    _ready(session, "docs")
    _run(session, "mkdocs", "build", "--strict", "-q", NO_MKDOCS_2_WARNING="true")


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks: a smoke run, or ``-- --full`` for figures; ``-- placement``: that folder's."""
    _ready(session, "test", "bench")
    arguments = session.posargs or ["--smoke"]
    folders = ["placement"] if arguments[0] == "placement" else ["", "placement"]
    if arguments[0] == "placement":
        arguments = arguments[1:]
    elif arguments[0] == "--full":  # the figures of placement take no such word
        folders = [""]
    for folder in folders:
        for script in sorted((ROOT / "benchmarks" / folder).glob("[!_]*.py")):
            _run(session, "python", str(script), *arguments)


@nox.session
def demo(session: nox.Session) -> None:
    """10,000 orders on the embedded default, processes killed meanwhile; then certificates."""
    _ready(session, "test")
    arguments = session.posargs or ["--orders", "10000", "--kill"]
    _run(session, "python", "-m", "examples.orders", "run", *arguments)
    _run(session, "omnicloud", "certify", "memory", "local")
