"""A provider's options with their secrets in place, as the provider's own model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from pydantic import BaseModel, ValidationError

from omnicloud.config.problems import ConfigurationProblems, Path, Problem, dotted
from omnicloud.config.secret_refs import replaced
from omnicloud.config.tree import Tree
from omnicloud.config.validation import problems_of
from omnicloud.contracts import CONTRACTS
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SecretNotFoundError
from omnicloud.resolver.plan import ServicePlan
from omnicloud.resolver.secret_order import CONTRACT

__all__ = ["validated"]


class _Reader(Protocol):
    async def get(self, name: str) -> str: ...


async def validated(service: ServicePlan, pipelines: Mapping[str, Pipeline[Any]]) -> BaseModel:
    """The settings that the service is opened with.

    Args:
        service: Its plan.
        pipelines: The open services, among them those that keep its secrets.

    Raises:
        ConfigurationProblems: Secrets are missing (all of them are named), or an option that
            came from one is wrong. No value is in it.
    """
    options = replaced(service.options, await _read(service, pipelines))
    try:
        return service.model.model_validate(options)
    except ValidationError as error:
        tree = Tree({}, {service.path: service.origin})
        raise ConfigurationProblems(problems_of(error, service.model, service.path, tree)) from None


async def _read(service: ServicePlan, pipelines: Mapping[str, Pipeline[Any]]) -> dict[Path, str]:
    """The secrets of a service by their places."""
    secrets: dict[Path, str] = {}
    missing: list[Problem] = []
    for path, ref in service.secrets:
        try:
            secrets[path] = await _secret(pipelines[str(ref.service)], ref.name)
        except SecretNotFoundError:
            where = dotted((*service.path, *path))
            message = f"the secret {str(ref)!r} is missing: {ref.service} has none of that name"
            hint = f"store it under {ref.name!r}"
            missing.append(Problem(where, message, hint, service.origin))
    if missing:
        raise ConfigurationProblems(missing)
    return secrets


async def _secret(pipeline: Pipeline[Any], name: str) -> str:
    spec = CONTRACTS[CONTRACT]
    portable = cast("Callable[[Pipeline[Any]], _Reader]", spec.load(spec.portable))
    return str.__str__(await portable(pipeline).get(name))
