"""Makes the plan: every mistake that can be known without I/O is found, all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from omnicloud.config.load import ENVELOPE, Configuration, Service
from omnicloud.config.problems import ConfigurationProblems, Path, Problem, did_you_mean, dotted
from omnicloud.config.secret_refs import SecretRef
from omnicloud.config.validation import problems_of
from omnicloud.contracts import CONTRACTS
from omnicloud.core.context import ServiceInfo
from omnicloud.core.operation import Feature
from omnicloud.layers.order import ORDER
from omnicloud.registry.discovery import Installed, Registry
from omnicloud.registry.known import how_to_install, known_names
from omnicloud.registry.provider import Offer, load
from omnicloud.resolver.plan import DefaultPlan, Plan, ServicePlan
from omnicloud.resolver.secret_order import CONTRACT, opening_order, resolved

__all__ = ["make_plan"]

_FOR_BOTH = frozenset({"region"})  # ours, and given to a provider that has to know it
References = tuple[tuple[Path, SecretRef], ...]


def make_plan(config: Configuration, registry: Registry) -> Plan:
    """The plan of a configuration. Nothing is opened.

    Raises:
        ConfigurationProblems: All mistakes, each with its place and the way to mend it.
    """
    planner = _Planner(config, registry.without(config.blocked))
    plan = planner.plan()
    if planner.problems:
        raise ConfigurationProblems(planner.problems)
    return plan


@dataclass(frozen=True, slots=True)
class _Half:
    """A service whose references have yet to be put in order."""

    plan: ServicePlan | None
    after: frozenset[str]


class _Planner:
    def __init__(self, config: Configuration, registry: Registry) -> None:
        self._config = config
        self._registry = registry
        self.problems = list(config.problems)

    def plan(self) -> Plan:
        self._policies()
        self._layers()
        self._authorization()
        default = self._default()
        halves = {name: self._service(one) for name, one in self._config.services.items()}
        if default is not None:
            self._add_keepers(halves, default)
        order, cycles = opening_order(
            {name: half.after & halves.keys() for name, half in halves.items()}, self._config
        )
        self.problems += cycles
        plans = [halves[name].plan for name in order]
        layers, kept = self._config.layers, tuple(one for one in plans if one)
        disabled = frozenset(layers.disable)
        return Plan(kept, default, disabled, self._config.tree, layers.record_use)

    def _policies(self) -> None:
        """A policy that would not be enforced must never look as if it were."""
        for name, policy in self._config.policies.items():
            for kind in sorted(policy.model_fields_set):
                self._wrong(
                    ("policies", name, kind),
                    f"the policy {kind} is not available in this version and cannot be enforced",
                    "remove it, and do not store what needs it yet",
                )

    def _layers(self) -> None:
        names = {place.name for place in ORDER}
        for name in self._config.layers.disable:
            if name not in names:
                path: Path = ("layers", "disable")
                self._wrong(path, f"there is no layer {name!r}", did_you_mean(name, names))

    def _authorization(self) -> None:
        """Who is asked must be there to answer, and must be asked."""
        services = self._config.services
        said: list[tuple[Path, str | None]] = [
            (("defaults",), self._config.defaults.authorization),
            *((one.path, one.settings.authorization) for one in services.values()),
        ]
        for path, name in said:
            if name is None:
                continue
            if name not in services or services[name].settings.contract != "iam":
                hint = f'add [services.{name}] with contract = "iam", or name another'
                self._wrong((*path, "authorization"), f"there is no iam service {name!r}", hint)
            if "authorization" in self._config.layers.disable:
                message = "the layer is left out, so the authorization would not be enforced"
                self._wrong((*path, "authorization"), message, "take it out of [layers] disable")
        for one in services.values():
            if one.settings.contract == "iam" and one.settings.authorization is not None:
                message = "an iam service is asked by others and asks none itself"
                self._wrong((*one.path, "authorization"), message, "remove it")

    def _default(self) -> DefaultPlan | None:
        defaults = self._config.defaults
        if defaults.provider is None:
            if defaults.options:
                hint = "add provider = … to [defaults]"
                self._wrong(("defaults", "options"), "options of no provider", hint)
            return None
        installed = self._provider(defaults.provider, ("defaults", "provider"))
        if installed is None:
            return None
        path: Path = ("defaults", "options")
        options = self._in_region(installed, defaults.options, defaults.region)
        secrets = self._secrets(options, path)
        model = self._options(installed, options, path, secrets)
        origin = self._config.tree.origin(("defaults", "provider"))
        if model is None:
            return None
        return DefaultPlan(installed, model, options, defaults, origin, secrets)

    def _add_keepers(self, halves: dict[str, _Half], default: DefaultPlan) -> None:
        """Secrets services that are referred to and served by the default provider."""
        needed = {ref.service for _, ref in default.secrets if ref.service}
        needed = needed.union(*(half.after for half in halves.values()))
        if CONTRACT not in default.installed.provider.offers:
            return
        for name in sorted(needed - halves.keys()):
            plan = default.service(name, CONTRACT)
            halves[name] = _Half(plan, plan.after)

    def _service(self, service: Service) -> _Half:
        name = service.settings.provider or self._config.defaults.provider
        known = self._contract(service)
        installed = self._provider(name, (*service.path, "provider")) if name else None
        options = self._in_region(
            installed, self._with_defaults(service, name), self._config.defaults.region
        )
        options = self._in_region(installed, options, service.settings.region, own=True)
        secrets = self._secrets(options, service.path)
        after = frozenset(ref.service for _, ref in secrets if ref.service)
        offer = self._offer(service, installed) if installed and known else None
        requires = self._features(service, offer) if known else frozenset()
        inherited = options.keys() - service.options.keys() - {"region"}
        model = (
            self._options(installed, options, service.path, secrets, inherited)
            if installed
            else None
        )
        if installed is None or offer is None or model is None:
            return _Half(None, after)
        plan = ServicePlan(
            info=self._info(service, installed),
            installed=installed,
            offer=offer,
            path=service.path,
            origin=self._config.tree.origin(service.path),
            model=model,
            options=options,
            requires=requires,
            call=service.settings,
            defaults=self._config.defaults,
            secrets=secrets,
            tenant=service.settings.tenant,
        )
        return _Half(plan, plan.after)

    def _info(self, service: Service, installed: Installed) -> ServiceInfo:
        name, contract = installed.provider.name, service.settings.contract
        return ServiceInfo(service.name, contract, name, self._region(service))

    def _region(self, service: Service) -> str | None:
        return service.settings.region or self._config.defaults.region

    def _in_region(
        self,
        installed: Installed | None,
        options: Mapping[str, object],
        region: str | None,
        *,
        own: bool = False,
    ) -> Mapping[str, object]:
        """The options, with where the data is for a provider that has to know.

        What ``defaults.options`` say is nearer than the defaults' region; a service's own is
        nearer than both.
        """
        if installed is None or region is None or not _asks_for_region(installed):
            return options
        return {**options, "region": region} if own else {"region": region, **options}

    def _with_defaults(self, service: Service, provider: str | None) -> Mapping[str, object]:
        """A service of the default provider has its options unless it says otherwise."""
        defaults = self._config.defaults
        if provider is None or provider != defaults.provider:
            return service.options
        return {**defaults.options, **service.options}

    def _contract(self, service: Service) -> bool:
        name = service.settings.contract
        if name in CONTRACTS:
            return True
        if "contract" in service.settings.model_fields_set:
            path = (*service.path, "contract")
            self._wrong(path, f"there is no contract {name!r}", did_you_mean(name, CONTRACTS))
        return False

    def _provider(self, name: str, path: Path) -> Installed | None:
        installed = self._registry.providers.get(name)
        if installed is not None:
            return installed
        self._wrong(path, *_absent(name, self._registry))
        return None

    def _offer(self, service: Service, installed: Installed) -> Offer | None:
        contract = service.settings.contract
        provider = installed.provider
        offer = provider.offers.get(contract)
        if offer is None:
            others = [
                n for n, i in self._registry.providers.items() if contract in i.provider.offers
            ]
            self._wrong(
                (*service.path, "provider"),
                f"the provider {provider.name!r} does not serve {contract}, "
                f"it serves {', '.join(sorted(provider.offers)) or 'nothing'}",
                f"of those installed, {', '.join(others) or 'none'} can",
            )
        return offer

    def _features(self, service: Service, offer: Offer | None) -> frozenset[Feature]:
        contract = service.settings.contract
        every = {str(feature): feature for feature in _features_of(contract)}
        path = (*service.path, "requires")
        for name in service.settings.requires:
            if name not in every:
                message = f"the contract {contract} has no feature {name!r}"
                self._wrong(path, message, did_you_mean(name, every))
            elif offer is not None and name not in offer.declares:
                self._wrong(path, *self._lacking(service, name))
        return frozenset(every[name] for name in service.settings.requires if name in every)

    def _lacking(self, service: Service, feature: str) -> tuple[str, str]:
        contract = service.settings.contract
        able = [
            name
            for name, one in self._registry.providers.items()
            if (offer := one.provider.offers.get(contract)) and feature in offer.declares
        ]
        name = service.settings.provider or self._config.defaults.provider
        message = f"the provider {name!r} does not declare the feature {feature!r}"
        return message, f"of those installed, {', '.join(able) or 'none'} can"

    def _secrets(self, options: Mapping[str, object], path: Path) -> References:
        good, problems = resolved(self._config, options, path)
        self.problems += problems
        return good

    def _options(
        self,
        installed: Installed,
        options: Mapping[str, object],
        path: Path,
        secrets: References,
        inherited: Collection[str] = (),
    ) -> type[BaseModel] | None:
        """The model of the options; of those inherited mistakes are told where they stand."""
        model = self._model(installed, path)
        if model is None:
            return None
        try:
            model.model_validate(options)
        except ValidationError as error:
            unknown_yet = [(*path, *inner) for inner, _ in secrets]
            places = {dotted(place) for place in unknown_yet}
            told = self._told_of_defaults(path, inherited)
            also = ENVELOPE if path[0] == "services" else frozenset()
            found = problems_of(error, model, path, self._config.tree, also_known=also)
            # What a reference stands for is checked when its secret has been read.
            self.problems += [
                one
                for one in found
                if one.path not in places
                and one.path not in told
                and not (unknown_yet and one.path == dotted(path))
            ]
        return model

    def _told_of_defaults(self, path: Path, inherited: Collection[str]) -> set[str]:
        """Where mistakes would be told again that were told of the default options."""
        told = {one.path for one in self.problems}
        source = dotted(("defaults", "options"))
        found = (place.removeprefix(source) for place in told if place.startswith(f"{source}."))
        return {f"{dotted(path)}{inner}" for inner in found if inner.split(".")[1] in inherited}

    def _model(self, installed: Installed, path: Path) -> type[BaseModel] | None:
        try:
            model = load(installed.provider.config)
        except Exception as error:  # noqa: BLE001 - a vendor's import may raise anything
            message = f"the settings of {installed.title} cannot be loaded: {error}"
            self._wrong(path, message, "reinstall the provider")
            return None
        wrong = "are no pydantic model"
        if isinstance(model, type) and issubclass(model, BaseModel):
            wrong = _never_reached(model)
            if not wrong:
                return model
        self._wrong(path, f"the settings of {installed.title} {wrong}", "tell its author")
        return None

    def _wrong(self, path: Path, message: str, hint: str) -> None:
        origin = self._config.tree.origin(path)
        self.problems.append(Problem(dotted(path), message, hint, origin))


def _never_reached(settings: type[BaseModel]) -> str:
    """Which settings of a provider no configuration can give, being keys of every service."""
    hidden = sorted((ENVELOPE - _FOR_BOTH) & set(settings.model_fields))
    return f"use names that every service has itself: {', '.join(hidden)}" if hidden else ""


def _features_of(contract: str) -> tuple[Feature, ...]:
    kinds = CONTRACTS[contract].load(CONTRACTS[contract].features)
    return tuple(kinds) if isinstance(kinds, type) and issubclass(kinds, Feature) else ()


def _absent(name: str, registry: Registry) -> tuple[str, str]:
    """Why there is no such provider, and how to get it."""
    if name in registry.blocked:
        return f"the provider {name!r} is blocked", "take it out of `blocked`"
    if failure := registry.failure(name):
        return f"the provider {name!r} cannot be used: {failure}", "mend or reinstall it"
    have = f"installed: {', '.join(sorted(registry.providers)) or 'none'}"
    if command := how_to_install(name):
        return f"the provider {name!r} is not installed ({have})", command
    hint = did_you_mean(name, {*registry.providers, *known_names()})
    return f"there is no provider {name!r} ({have})", hint


def _asks_for_region(installed: Installed) -> bool:
    """Whether its settings have a region; settings that cannot be loaded are told elsewhere."""
    try:
        settings = load(installed.provider.config)
    except Exception:  # noqa: BLE001 - a vendor's import may raise anything
        return False
    return "region" in getattr(settings, "model_fields", {})
