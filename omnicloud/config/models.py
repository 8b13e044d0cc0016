"""The shape of a configuration, except the options of each provider, which its own model checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from omnicloud.core.durations import MAX_SECONDS

__all__ = [
    "BreakerConfig",
    "CallConfig",
    "DefaultsConfig",
    "LayersConfig",
    "LimitsConfig",
    "PolicyConfig",
    "RetryConfig",
    "ServiceConfig",
]

Duration = Annotated[float, Field(ge=0.001, le=MAX_SECONDS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Name = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RetryConfig(_Section):
    """How often a request that may be repeated is repeated."""

    attempts: Count | None = Field(default=None, description="Attempts in all; 1 is no retry.")
    backoff: Duration | None = Field(default=None, description="Longest first pause, in seconds.")
    max_backoff: Duration | None = Field(default=None, description="Longest pause, in seconds.")


class LimitsConfig(_Section):
    """How much may be asked at once and per second."""

    concurrency: Count | None = Field(default=None, description="Calls in flight at most.")
    queue: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Calls that may wait for a turn; more are refused."
    )
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Calls per second at most."
    )
    burst: Count | None = Field(default=None, description="Calls at once after a quiet time.")


class BreakerConfig(_Section):
    """When a service that fails is left alone."""

    failures: Count | None = Field(default=None, description="Failures in a row that open it.")
    reset: Duration | None = Field(
        default=None, description="Seconds until a trial is let through."
    )


class CallConfig(_Section):
    """What every call of a service gets."""

    region: Name | None = Field(default=None, description="Where the service's data is.")
    timeout: Duration | None = Field(
        default=None, description="Budget of a call with all its attempts, in seconds."
    )
    attempt_timeout: Duration | None = Field(
        default=None, description="Budget of one attempt, in seconds."
    )
    authorization: Name | None = Field(
        default=None,
        description="The iam service that is asked whether a call is allowed; without, all are.",
    )
    retry: RetryConfig = RetryConfig()
    limits: LimitsConfig = LimitsConfig()
    breaker: BreakerConfig = BreakerConfig()


class ServiceConfig(CallConfig):
    """A service: which contract, from whom, with what it must be able to do."""

    contract: Name = Field(default="?", description="What it is: kv, objects, …")
    provider: Name | None = Field(default=None, description="Who serves it.")
    requires: tuple[Name, ...] = Field(default=(), description="Features that it must have.")
    tenant: Name | None = Field(default=None, description="The one tenant whose data it holds.")


class DefaultsConfig(CallConfig):
    """What holds for services that do not say otherwise."""

    provider: Name | None = Field(
        default=None,
        description="Serves the names that are not configured; without it they are unknown.",
    )
    options: Mapping[str, object] = Field(
        default_factory=dict, description="Options of that provider for those services."
    )
    secrets: Name | None = Field(
        default=None, description="The service that keeps what `secret:name` refers to."
    )


class LayersConfig(_Section):
    """Which layers are left out, and what is recorded of them all."""

    disable: tuple[Name, ...] = ()
    record_use: Name | None = Field(
        default=None, description="File that is told which operations and features are used."
    )


class ResidencyConfig(_Section):
    """Where data may be."""

    allow: tuple[Name, ...] = ()
    deny: tuple[Name, ...] = ()


class EncryptionConfig(_Section):
    """With which key payloads are sealed."""

    key: Name


class AuditConfig(_Section):
    """Where it is written who did what."""

    sink: Name


class PolicyConfig(_Section):
    """What travels with a workload, whoever provides its services."""

    residency: ResidencyConfig | None = None
    encryption: EncryptionConfig | None = None
    audit: AuditConfig | None = None
