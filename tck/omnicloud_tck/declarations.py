"""What a driver declares is the contract's own and stays; what it does not declare is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omnicloud.contracts import CONTRACTS
from omnicloud.contracts.cache import driver as cache
from omnicloud.contracts.containers import ContainerSpec, HealthCheck, Mount, Port, attached, images
from omnicloud.contracts.containers import driver as containers
from omnicloud.contracts.documents import driver as documents
from omnicloud.contracts.documents.filters import All
from omnicloud.contracts.iam import driver as iam
from omnicloud.contracts.iam.models import Conditions, Policy
from omnicloud.contracts.iam.models import Effect as Says
from omnicloud.contracts.kv import driver as kv
from omnicloud.contracts.locks import driver as locks
from omnicloud.contracts.messaging import driver as messaging
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.contracts.objects import driver as objects
from omnicloud.contracts.objects import uploads
from omnicloud.contracts.objects.models import Method
from omnicloud.contracts.outbox import driver as outbox
from omnicloud.contracts.sagas import driver as sagas
from omnicloud.contracts.secrets import driver as secrets
from omnicloud.core.operation import Driver, Feature, Limits, Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import UnsupportedError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.world import World

__all__ = ["REQUESTS", "features_of", "hold_declarations"]

Request = Operation[Any, Any]

_RULE = Policy("rule", Says.ALLOW, ("*",), ("*",), ("*",), Conditions(tenants=("acme",)))
_TWO = (Outgoing("one", b"1"), Outgoing("two", b"2"))


def _spec(**asked: Any) -> ContainerSpec:
    return ContainerSpec(name="c", command=("true",), **asked)


REQUESTS: Mapping[str, tuple[Request, ...]] = {
    "breaker": (),
    "cache": (
        cache.Touch("k", 1.0),
        cache.Clear("k"),
        cache.Claim("k", "owner", 1.0),
        cache.Fill("k", "owner", b"v"),
        cache.Unclaim("k", "owner"),
    ),
    "containers": (
        containers.Run(_spec(cpu=1.0)),
        containers.Run(_spec(memory_bytes=1 << 26)),
        containers.Run(_spec(read_bps=1 << 20)),
        containers.Run(_spec(write_iops=100)),
        containers.Run(_spec(ports=(Port(8080),))),
        containers.Run(_spec(image="image:1")),
        containers.Run(_spec(replicas=2)),
        containers.Run(_spec(placement={"disk": "fast"})),
        containers.Run(_spec(health=HealthCheck(command=("true",)))),
        containers.Pause("c"),
        containers.Unpause("c"),
        containers.Update("c", cpu=1.0),
        containers.Update("c", memory_bytes=1 << 26),
        containers.Update("c", write_bps=1 << 20),
        containers.Update("c", read_iops=100),
        containers.Exec("c", ("true",)),
        containers.Sample("c"),
        containers.Events(),
        images.ListImages(),
        images.ImportImage("image:1", path="/"),
        images.LoadImages("/"),
        images.BuildImage("image:1", path="/"),
        images.PullImage("image:1"),
        images.RemoveImage("image:1"),
        containers.Run(_spec(mounts=(Mount("volume", "/data"),))),
        attached.CreateVolume("volume"),
        attached.ListVolumes(),
        attached.RemoveVolume("volume"),
        containers.Run(_spec(networks=("network",), host="c")),
        attached.CreateNetwork("network"),
        attached.ListNetworks(),
        attached.RemoveNetwork("network"),
    ),
    "documents": (
        documents.Update("c", All(), (), if_version="v"),
        documents.Replace("c", All(), {}, if_version="v"),
        documents.Delete("c", All(), if_version="v"),
        documents.CreateIndex("c", (("field",),)),
        documents.Begin(),
    ),
    "iam": (iam.GetPolicies(), iam.PutPolicies(()), iam.PutPolicies((_RULE,))),
    "kv": (
        kv.Set("k", b"v", ttl=1.0),
        kv.Set("k", b"v", if_version="v"),
        kv.Set("k", b"v", if_absent=True),
        kv.Delete("k", if_version="v"),
        kv.GetMany(("k",)),
        kv.SetMany((("k", b"v"),)),
        kv.SetMany((("k", b"v"),), ttl=1.0),
        kv.DeleteMany(("k",)),
        kv.Scan(),
        kv.Increment("k"),
        kv.Changes(),
        kv.Begin(),
    ),
    "locks": (locks.Acquire("l", "owner", 1.0, permits=2),),
    "messaging": (
        messaging.Publish("t", _TWO),
        messaging.Publish("t", _TWO[:1], delay=1.0),
        messaging.Publish("t", _TWO[:1], dedupe=True),
        messaging.Cancel("t", "one"),
        messaging.Replay("t", "g", 0.0),
    ),
    "objects": (
        objects.Put("k", b"", if_version="v"),
        objects.Put("k", b"", if_absent=True),
        objects.Delete("k", if_version="v"),
        objects.Copy("k", "l", if_absent=True),
        uploads.CompleteUpload("k", "upload", (), if_absent=True),
        objects.Presign(Method.GET, "k", 1.0),
    ),
    "outbox": (outbox.Begin(),),
    "sagas": (sagas.ListSagas("", "running"),),
    "secrets": (
        secrets.Get("s", "v"),
        secrets.Set("s", b"v", grace=1.0),
        secrets.ListVersions("s"),
        secrets.Await("s"),
    ),
}
"""By contract, a request for each way in which a feature can be asked for.

Features that no request asks for (``durable``, ``ordered``, ``fair``, …) are guarantees: there
is nothing to refuse, and without them nothing is promised.
"""


def features_of(contract: str) -> frozenset[str]:
    """The names of all features that a contract knows."""
    spec = CONTRACTS[contract]
    every: Any = spec.load(spec.features)
    return frozenset(str(feature) for feature in every)


async def hold_declarations(contract: str, world: World[Any]) -> None:
    """Break the law unless the driver's declaration is plain, lasting and kept."""
    watched = _Watched(await world.driver())
    declared = watched.features
    that(type(declared) is frozenset, f"features is a {type(declared).__name__}, not a frozenset")
    unknown = frozenset(map(str, declared)) - features_of(contract)
    that(not unknown, f"{contract} has no feature {', '.join(sorted(unknown))}")
    pipe = Pipeline(watched, owned=False)
    for request in REQUESTS[contract]:
        missing = request.needs() - declared
        if missing:
            about = f"{request.name} without {', '.join(sorted(missing))}"
            with refused(UnsupportedError, about):
                await pipe.send(request)
            that(not watched.asked, f"{about}: the driver was asked before it was refused")
    equal(declared, (await world.driver()).features, "the features of another client")
    equal(declared, watched.features, "the features after some calls")


class _Watched:
    """A driver, and whether anything but its declaration was asked for."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.asked: list[str] = []

    @property
    def features(self) -> frozenset[Feature]:
        return self._driver.features

    @property
    def limits(self) -> Limits:
        return self._driver.limits

    async def aclose(self) -> None:
        await self._driver.aclose()

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        self.asked.append(verb)
        method: Callable[..., Any] = getattr(self._driver, verb)
        return method
