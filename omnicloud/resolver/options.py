"""A provider's options with their secrets in place, as the provider's own model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from omnicloud.config.problems import ConfigurationProblems, Path, Problem, dotted
from omnicloud.config.secret_refs import replaced
from omnicloud.config.tree import Tree
from omnicloud.config.validation import problems_of
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import Outcome, SecretNotFoundError, UnavailableError
from omnicloud.resolver.plan import ServicePlan

__all__ = ["validated"]


async def validated(
    service: ServicePlan, pipelines: Mapping[str, Pipeline[Any]], tree: Tree
) -> BaseModel:
    """The settings that the service is opened with.

    Args:
        service: Its plan.
        pipelines: The open services, among them those that keep its secrets.
        tree: Where its options were said.

    Raises:
        ConfigurationProblems: Secrets are missing (all of them are named), or an option that
            came from one is wrong. No value is in it.
    """
    options = replaced(service.options, await _read(service, pipelines, tree))
    try:
        return service.model.model_validate(options)
    except ValidationError as error:
        raise ConfigurationProblems(problems_of(error, service.model, service.path, tree)) from None


async def _read(
    service: ServicePlan, pipelines: Mapping[str, Pipeline[Any]], tree: Tree
) -> dict[Path, str]:
    """The secrets of a service by their places."""
    secrets: dict[Path, str] = {}
    missing: list[Problem] = []
    for path, ref in service.secrets:
        keeper = pipelines.get(str(ref.service))
        if keeper is None:
            message = f"the service {ref.service!r}, which keeps a secret of this one, is not open"
            raise UnavailableError(message, outcome=Outcome.NOT_DONE)
        try:
            secrets[path] = await _secret(keeper, ref.name)
        except SecretNotFoundError:
            where = (*service.path, *path)
            message = f"the secret {str(ref)!r} is missing: {ref.service} has none of that name"
            hint = f"store it under {ref.name!r}"
            missing.append(Problem(dotted(where), message, hint, tree.origin(where)))
    if missing:
        raise ConfigurationProblems(missing)
    return secrets


async def _secret(pipeline: Pipeline[Any], name: str) -> str:
    from omnicloud.contracts.secrets import Secrets

    return (await Secrets(pipeline).get(name)).reveal()
