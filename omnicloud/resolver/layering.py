"""What the configuration says of calls, as the layers of a service."""

from __future__ import annotations

from typing import TypedDict

from omnicloud.config.models import CallConfig
from omnicloud.core.clock import Clock
from omnicloud.core.pipeline import Layer
from omnicloud.layers.authorization import Authorizer
from omnicloud.layers.order import LayerSettings, stack
from omnicloud.resolver.plan import ServicePlan

__all__ = ["layers_of", "settings_of"]


class _Said(TypedDict, total=False):
    timeout: float
    attempt_timeout: float
    attempts: int
    backoff: float
    max_backoff: float
    failures: int
    reset: float
    concurrency: int
    queue: int
    rate: float
    burst: int


def layers_of(
    service: ServicePlan,
    disabled: frozenset[str],
    clock: Clock,
    authorizer: Authorizer | None = None,
    record_use: str | None = None,
) -> tuple[Layer, ...]:
    """New layers around a service's driver, from the outside in."""
    settings = settings_of(service, disabled, record_use)
    return stack(settings, clock=clock, authorizer=authorizer)


def settings_of(
    service: ServicePlan, disabled: frozenset[str], record_use: str | None = None
) -> LayerSettings:
    """What the service says, else what the defaults say, else what each layer has for itself."""
    said: _Said = {**_said(service.defaults), **_said(service.call)}
    return LayerSettings(
        disabled=disabled,
        tenant=service.tenant,
        record_use=record_use,
        requires=frozenset(map(str, service.requires)),
        **said,
    )


def _said(call: CallConfig) -> _Said:
    """What one section says; what it leaves out is not in it."""
    said: _Said = {}
    sections = (call, call.retry, call.limits, call.breaker)
    for section in sections:
        for name in _Said.__annotations__.keys() & section.model_fields_set:
            value = getattr(section, name)
            if value is not None:
                said[name] = value  # type: ignore[literal-required]  # the models have these names
    return said
