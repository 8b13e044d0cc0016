"""Values of the containers contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from omnicloud.contracts.containers.resources import Port, Resources
from omnicloud.core.operation import Feature, Limits

__all__ = [
    "Container",
    "ContainerSpec",
    "ContainersFeature",
    "ContainersLimits",
    "Event",
    "EventKind",
    "EventPage",
    "ExecResult",
    "Health",
    "HealthCheck",
    "Image",
    "LogLine",
    "LogPage",
    "Mount",
    "Port",
    "Resources",
    "RestartPolicy",
    "RestartWhen",
    "State",
    "Stats",
    "Stream",
]


class ContainersFeature(Feature):
    """What a containers driver may declare."""

    CPU = "cpu"
    """``cpu`` of a spec is enforced, changed while the container runs, and read back."""
    MEMORY = "memory"
    """``memory_bytes`` of a spec is enforced, changed while the container runs, and read back."""
    IO = "io"
    """``read_bps`` and its kin of a spec are enforced on the engine's disk, and read back."""
    IO_UPDATE = "io_update"
    """They change while the container runs, too."""
    PAUSE = "pause"
    """``pause`` stops every process of a container between two instructions."""
    EXEC = "exec"
    """``exec`` runs a further command in a running container."""
    STATS = "stats"
    """``stats`` tells processor time and memory."""
    THROTTLING = "throttling"
    """``stats`` tells how often and how long a processor limit held the container back."""
    EVENTS = "events"
    """``events`` tells every change of a container, in order per container."""
    HEALTH = "health"
    """``health`` of a spec is asked, and its answer told."""
    IMAGES = "images"
    """Containers run from images, which are listed, imported and removed."""
    PULL = "pull"
    """Images come from a registry."""
    LOAD = "load"
    """Images come from an archive that an engine saved."""
    BUILD = "build"
    """Images are built from a folder with a recipe."""
    VOLUMES = "volumes"
    """Containers mount volumes, whose files outlive them."""
    NETWORKS = "networks"
    """Containers are on networks, and reach others there by ``host``."""
    PORTS = "ports"
    """``ports`` of a spec are published on the engine's machine."""
    REPLICAS = "replicas"
    """The engine keeps several copies of one spec."""
    PLACEMENT = "placement"
    """The engine chooses a machine by labels."""
    DURABLE = "durable"
    """Containers, and restarts still to come, survive a crash of the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainersLimits(Limits):
    """Bounds of a containers driver.

    Attributes:
        memory_min_bytes: The smallest memory that a container can be given; at most 32 MiB, so
            that every application can count on it.
        cpu_max: The most processors that a container can be given; at least 2.
        bps_min: The smallest ``read_bps`` and ``write_bps`` that a container can be given; at
            most 1 MiB.
        exec_output_max_bytes: So much of each stream of ``exec`` is kept; at least 4 KiB.
        spec_max_bytes: The command, the environment and the labels together; at least 8 KiB.
    """

    memory_min_bytes: int = 6 << 20
    cpu_max: float = 1024.0
    bps_min: int = 4096
    exec_output_max_bytes: int = 1 << 20
    spec_max_bytes: int = 64 << 10


class RestartWhen(Enum):
    """When an engine starts a container again that ended by itself."""

    NEVER = "never"
    ON_FAILURE = "on_failure"
    """After an exit code other than 0."""
    ALWAYS = "always"
    """Until it is stopped by hand."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a container that ended is started again.

    The engine waits 0.1 s before the first restart, twice as long before each further one, at
    most 60 s; after a run of ten seconds it begins anew. A container that was stopped by hand
    stays stopped.

    Attributes:
        when: After which ends.
        most: How many restarts at most, for ``ON_FAILURE`` only; ``None`` is no bound.
    """

    when: RestartWhen = RestartWhen.NEVER
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A command that an engine runs in a container to learn whether it is well.

    Attributes:
        command: Exit code 0 is well.
        interval: Seconds from one check to the next, and before the first. Whether they count
            from the beginning of a check or from its end is the engine's.
        timeout: Seconds after which a check counts as failed.
        retries: So many failures in a row make a container unhealthy.
    """

    command: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume in the files of a container.

    Attributes:
        volume: Its name; it must be there.
        path: Where, an absolute path that is not ``/``. What an image has there is hidden, but
            an engine may put it into a volume that is empty.
        read_only: Whether the container cannot change it.
    """

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What is to run.

    Attributes:
        name: 1 to 1,024 bytes of UTF-8; one container of a service has it.
        command: The program and its arguments; no shell is between.
        image: What it runs from; the service's default where it is not given.
        env: Its environment. Left out of ``repr``: it may hold secrets.
        labels: To find it by; keys that start with ``omnicloud.`` are the library's own.
        working_dir: Where it starts; the engine's choice where it is not given.
        cpu: At most so many processors, 0.5 is half of one; ``None`` is no limit.
        memory_bytes: At most so much memory; a program that takes more is killed.
        read_bps: At most so many bytes read from the engine's disk in a second.
        write_bps: At most so many bytes written to it in a second.
        read_iops: At most so many reads from it in a second.
        write_iops: At most so many writes to it in a second.
        restart: What happens when it ends.
        health: How to learn whether it is well.
        mounts: Volumes, each at a path of its own.
        networks: It reaches what is on these and, over them, nothing else; without any it is
            where the service puts containers.
        host: What others on its networks call it, 1 to 63 lower-case letters, digits and inner
            dashes; its name where it is not given. Of several with one host any may answer.
        ports: Those that are reached from the engine's machine; none is a container's twice.
        replicas: How many copies the engine keeps.
        placement: Labels that the machine must have.
    """

    name: str
    command: tuple[str, ...] = field(repr=False)
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    working_dir: str | None = None
    cpu: float | None = None
    memory_bytes: int | None = None
    read_bps: int | None = None
    write_bps: int | None = None
    read_iops: int | None = None
    write_iops: int | None = None
    restart: RestartPolicy = RestartPolicy()
    health: HealthCheck | None = None
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    host: str | None = None
    ports: tuple[Port, ...] = ()
    replicas: int = 1
    placement: Mapping[str, str] = field(default_factory=dict)

    @property
    def resources(self) -> Resources:
        """The limits that it asks for."""
        return Resources(
            self.cpu,
            self.memory_bytes,
            self.read_bps,
            self.write_bps,
            self.read_iops,
            self.write_iops,
        )


class State(Enum):
    """Where a container is in its life."""

    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    """It ended, and the engine will start it again."""
    EXITED = "exited"
    """It ended, and stays so until it is started."""


class Health(Enum):
    """What a container's checks say."""

    UNKNOWN = "unknown"
    """It has no check."""
    STARTING = "starting"
    """No check has decided yet."""
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container as it stood at the moment of the answer.

    Attributes:
        name: As the spec has it.
        id: What the engine calls it; another one for a container made later.
        state: Where it is in its life.
        exit_code: Of its last run, 128 and the signal's number where one ended it; ``None``
            while it runs or is paused.
        restarts: How often the engine restarted it since it was started by hand.
        started_at: Seconds since 1970-01-01 UTC at the start of its last run.
        health: What its checks say.
        labels: As the spec has them.
        image: What it runs from, where the engine has images.
        resources: Its limits, as the kernel has them while it runs.
        ports: Those that are published, by the container's, while it runs or is paused; none
            once it has ended for good. What is told of one that is restarting is the engine's.
    """

    name: str
    id: str
    state: State
    exit_code: int | None = None
    restarts: int = 0
    started_at: float = 0.0
    health: Health = Health.UNKNOWN
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    resources: Resources = field(default_factory=Resources)
    ports: tuple[Port, ...] = ()


class Stream(Enum):
    """Where a program wrote a line."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a program wrote, without its end.

    Attributes:
        data: Its bytes. Left out of ``repr``: they may hold secrets.
        stream: Where it was written.
        at: Seconds since 1970-01-01 UTC when the engine took it.
    """

    data: bytes = field(repr=False)
    stream: Stream
    at: float

    @property
    def text(self) -> str:
        """The line as text; bytes that are no UTF-8 are replaced."""
        return self.data.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines since a cursor; ``ended`` says that no more come unless the container starts."""

    lines: tuple[LogLine, ...]
    cursor: str
    ended: bool


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a further command in a container ended.

    Attributes:
        exit_code: Its own, 128 and the signal's number where one ended it.
        stdout: What it wrote there, at most ``exec_output_max_bytes``.
        stderr: The same.
        truncated: Whether it wrote more than is kept.
    """

    exit_code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Stats:
    """What a container uses.

    Attributes:
        cpu_seconds: Processor time since the start of its run; never falls within one.
        memory_bytes: Memory at this moment.
        at: Seconds since 1970-01-01 UTC of the measurement.
        periods: Turns of the kernel's clock for processor limits, 0.1 s as a rule, in which it
            had work under a limit. This and the next two never fall within a run, and are
            ``None`` of an engine that does not declare ``throttling``.
        throttled_periods: Those of them in which it had used its share up and had to wait.
        throttled_seconds: How long it waited so, summed over processors.
    """

    cpu_seconds: float
    memory_bytes: int
    at: float
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_seconds: float | None = None


class EventKind(Enum):
    """What happened to a container."""

    STARTED = "started"
    EXITED = "exited"
    PAUSED = "paused"
    UNPAUSED = "unpaused"
    UPDATED = "updated"
    REMOVED = "removed"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one container; ``exit_code`` is that of an end."""

    name: str
    kind: EventKind
    at: float
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events since a cursor, and the cursor to ask with next."""

    events: tuple[Event, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Image:
    """What containers run from.

    Attributes:
        reference: ``"repository:tag"``.
        id: What the engine calls its content.
        size_bytes: On the engine's disk.
    """

    reference: str
    id: str
    size_bytes: int
