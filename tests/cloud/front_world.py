"""A provider for tests that writes down what is opened and closed."""

import asyncio
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, SecretStr

from omnicloud.contracts.kv import KVFeature
from omnicloud.contracts.secrets import SecretsFeature
from omnicloud.contracts.secrets.driver import Get
from omnicloud.contracts.secrets.models import SecretsLimits, StoredSecret
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore
from omnicloud.registry.discovery import Registry
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider

LOG: list[str] = []
SECRETS: dict[str, str] = {}
FAILURES: dict[str, Callable[[], Exception]] = {}
"""By what is done: ``"open a"``, ``"close a"``."""

EVENTS: dict[str, asyncio.Event] = {}
"""Set when what they are under happens."""


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client: str = "main"
    password: SecretStr = SecretStr("")
    port: int = 1


def happened(what: str) -> None:
    LOG.append(what)
    if what in EVENTS:
        EVENTS[what].set()
    if (failure := FAILURES.get(what)) is not None:
        error = failure()
        raise error


def forget() -> None:
    """Begin anew, as each test does."""
    for memory in (LOG, SECRETS, FAILURES, EVENTS):
        memory.clear()


class Client:
    def __init__(self, name: str) -> None:
        self.name = name
        self.store = MemoryStore()

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        happened(f"close client {self.name}")


class KVOf(MemoryKV):
    def __init__(self, client: Client, name: str, password: str) -> None:
        super().__init__(client.store, name)
        self.name = name
        self.password = password

    @property
    def features(self) -> frozenset[Feature]:
        return super().features - {KVFeature.WATCH}

    async def aclose(self) -> None:
        await super().aclose()
        happened(f"close {self.name}")


class Vault:
    features: frozenset[Feature] = frozenset()
    limits = SecretsLimits()

    async def get(self, op: Get) -> StoredSecret | None:
        await asyncio.sleep(0)
        value = SECRETS.get(op.secret)
        return None if value is None else StoredSecret(value.encode(), "1")

    async def aclose(self) -> None:
        happened("close vault")


async def open_kv(config: Options, opening: Opening) -> KVOf:
    async def client() -> Client:
        happened(f"open client {config.client}")
        await asyncio.sleep(0.01)
        return Client(config.client)

    shared = await opening.share(("test", config.client), client)
    happened(f"open {opening.service.name}")
    return KVOf(shared, opening.service.name, config.password.get_secret_value())


async def open_secrets(config: Options, opening: Opening) -> Vault:
    await asyncio.sleep(0)
    happened("open vault")
    return Vault()


class Plugin:
    @hookimpl
    def omnicloud_providers(self) -> list[Provider]:
        offers = {
            "kv": Offer(f"{__name__}:open_kv", frozenset(KVFeature)),
            "secrets": Offer(f"{__name__}:open_secrets", frozenset(SecretsFeature)),
        }
        return [Provider("test", f"{__name__}:Options", offers)]


REGISTRY = Registry.of(Plugin())
