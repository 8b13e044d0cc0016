"""A plan: what will be opened, from whom, in which order; printable, and nothing is opened yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import BaseModel

from omnicloud.config.models import CallConfig, DefaultsConfig
from omnicloud.config.problems import Origin, Path, dotted
from omnicloud.config.secret_refs import SecretRef
from omnicloud.config.tree import Tree
from omnicloud.core.context import ServiceInfo
from omnicloud.core.operation import Feature
from omnicloud.errors import InvalidArgumentError
from omnicloud.registry.discovery import Installed
from omnicloud.registry.provider import Offer

__all__ = ["DefaultPlan", "Plan", "ServicePlan"]


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service as it will be opened.

    Attributes:
        info: Its name, contract, provider and region.
        path: Where its options are in the configuration.
        model: The provider's settings model.
        options: The provider's options, validated but for what secrets hold.
        secrets: Each reference with its place among the options; its service is filled in.
        tenant: The one tenant whose data the service holds.
    """

    info: ServiceInfo
    installed: Installed
    offer: Offer
    path: Path
    origin: Origin
    model: type[BaseModel]
    options: Mapping[str, object]
    requires: frozenset[Feature]
    call: CallConfig
    defaults: CallConfig
    secrets: tuple[tuple[Path, SecretRef], ...] = ()
    tenant: str | None = None

    @property
    def after(self) -> frozenset[str]:
        """The services that must be open before this one."""
        kept = frozenset(ref.service for _, ref in self.secrets if ref.service)
        return kept if self.authorization is None else kept | {self.authorization}

    @property
    def authorization(self) -> str | None:
        """The iam service that is asked about each call; iam services are asked by all."""
        if self.info.contract == "iam":
            return None
        return self.call.authorization or self.defaults.authorization

    def as_json(self) -> dict[str, object]:
        """The service as JSON values; of options the names only, they may be secrets."""
        return {
            "name": self.info.name,
            "contract": self.info.contract,
            "provider": self.info.provider,
            "distribution": self.installed.distribution,
            "version": self.installed.version,
            "region": self.info.region,
            "tenant": self.tenant,
            "authorization": self.authorization,
            "requires": sorted(self.requires),
            "options": sorted(self.options),
            "secrets": {dotted(path): str(ref) for path, ref in self.secrets},
            "after": sorted(self.after),
            "source": str(self.origin),
        }


@dataclass(frozen=True, slots=True)
class DefaultPlan:
    """How a service is opened whose name is not configured."""

    installed: Installed
    model: type[BaseModel]
    options: Mapping[str, object]
    call: DefaultsConfig
    origin: Origin
    secrets: tuple[tuple[Path, SecretRef], ...] = ()

    def service(self, name: str, contract: str) -> ServicePlan:
        """The plan of one such service.

        Raises:
            InvalidArgumentError: The provider does not serve the contract.
        """
        provider = self.installed.provider
        offer = provider.offers.get(contract)
        if offer is None:
            raise InvalidArgumentError(
                f"no {contract} service {name!r} is configured, and the default provider "
                f"{provider.name!r} does not serve {contract}",
                hint=f"add [services.{name}] with a provider that does",
            )
        info = ServiceInfo(name, contract, provider.name, self.call.region)
        return ServicePlan(
            info=info,
            installed=self.installed,
            offer=offer,
            path=("defaults", "options"),
            origin=self.origin,
            model=self.model,
            options=self.options,
            requires=frozenset(),
            call=self.call,
            defaults=self.call,
            secrets=self.secrets,
        )

    def with_secrets(self, secrets: tuple[tuple[Path, SecretRef], ...]) -> DefaultPlan:
        """The same with its references resolved to services."""
        return replace(self, secrets=secrets)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a configuration comes to.

    Attributes:
        services: In the order of opening; they are closed in reverse.
        default: For names that are not configured; ``None`` refuses them.
        disabled: Names of layers that are left out.
        tree: What was said, and where.
        record_use: The file that is told what is used; ``None``: none is.
    """

    services: tuple[ServicePlan, ...]
    default: DefaultPlan | None
    disabled: frozenset[str]
    tree: Tree
    record_use: str | None = None

    def as_json(self) -> dict[str, object]:
        """The plan as JSON values, the same for the same configuration."""
        return {
            "services": [service.as_json() for service in self.services],
            "default_provider": self.default.installed.provider.name if self.default else None,
            "disabled_layers": sorted(self.disabled),
        }

    def render(self) -> str:
        """The plan as text, one service a paragraph, in the order of opening."""
        parts = [_rendered(number, one) for number, one in enumerate(self.services, start=1)]
        if self.default is not None:
            title = self.default.installed.title
            name = self.default.installed.provider.name
            parts.append(f"any other name: {name} ({title})")
        if self.disabled:
            parts.append(f"layers left out: {', '.join(sorted(self.disabled))}")
        return "\n".join(parts) or "nothing is configured"


def _rendered(number: int, service: ServicePlan) -> str:
    facts = service.as_json()
    lines = [
        f"{number}. {service.info.name}: {service.info.contract} from "
        f"{service.info.provider} ({service.installed.title})  [{service.origin}]"
    ]
    for label in ("region", "tenant", "authorization", "requires", "options", "secrets", "after"):
        value = facts[label]
        if isinstance(value, dict):
            value = [f"{option} = {ref}" for option, ref in value.items()]
        if value:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"     {label}: {text}")
    return "\n".join(lines)
