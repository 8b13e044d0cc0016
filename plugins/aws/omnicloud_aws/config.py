"""Settings of the provider ``aws``."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from omnicloud.core.http_settings import HTTPSettings, address

__all__ = ["AWSConfig"]

_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_PREFIX = re.compile(r"[A-Za-z0-9/_+.@-]{0,128}")


class AWSConfig(HTTPSettings):
    """Which account and region, as whom, and where in them the service's data is."""

    region: str | None = Field(
        default=None,
        description=(
            "The region, such as eu-west-1; by default what AWS_REGION, AWS_DEFAULT_REGION or the "
            "profile say, and us-east-1 where an endpoint is set and none of them does."
        ),
    )
    endpoint: str | None = Field(
        default=None,
        description="http(s)://HOST:PORT of the service; Amazon's for the region by default.",
    )
    access_key: str | None = Field(
        default=None,
        description=(
            "Id of the access key; by default the usual chain of AWS: environment, profile, "
            "web identity, container, instance."
        ),
    )
    secret_key: SecretStr | None = Field(
        default=None, description="The access key's secret; a reference like secret:aws-key."
    )
    session_token: SecretStr | None = Field(
        default=None, description="Token of temporary credentials; a reference."
    )
    profile: str | None = Field(
        default=None, description="Profile of the AWS configuration files, for the usual chain."
    )
    answer_timeout: float = Field(default=10.0, gt=0, description="Seconds for one answer.")
    prefix: str = Field(
        default="",
        description=(
            "secrets: what the names of this service start with in the account, such as orders/."
        ),
    )
    kms_key: str | None = Field(
        default=None,
        description="secrets: id, ARN or alias of the KMS key of new secrets; Amazon's by default.",
    )
    watch_every: float = Field(
        default=30.0,
        ge=0.1,
        description="secrets: seconds between two looks of a watch; each look is a paid request.",
    )
    table: str = Field(
        default="omnicloud",
        description="kv, documents: the DynamoDB table; services may share one.",
    )
    create_table: bool = Field(
        default=False,
        description=(
            "kv, documents: make the table, paid by request, when it is not there at opening."
        ),
    )
    partitions: int = Field(
        default=4,
        ge=1,
        le=64,
        description=(
            "kv: over how many partitions of the table the keys are spread. One takes about 1,000 "
            "writes a second; a page of a scan asks all of them. It cannot be changed while there "
            "is data."
        ),
    )
    namespace: str | None = Field(
        default=None,
        min_length=1,
        description=(
            "messaging: what tells this service's topics and queues from those of others in the "
            "account; the service's name by default."
        ),
    )
    look_seconds: int = Field(
        default=1,
        ge=0,
        le=20,
        description=(
            "messaging: seconds for which a look at dead letters waits for the last of them, "
            "which Amazon's many servers need; 0 serves where there is one."
        ),
    )

    @field_validator("region")
    @classmethod
    def _is_a_region(cls, region: str | None) -> str | None:
        if region is not None and _REGION.fullmatch(region) is None:
            raise ValueError("a region has lower-case letters, digits and hyphens")
        return region

    @field_validator("prefix")
    @classmethod
    def _is_plain(cls, prefix: str) -> str:
        if _PREFIX.fullmatch(prefix) is None:
            raise ValueError("the prefix has at most 128 letters, digits and /_+.@-")
        return prefix

    @field_validator("table")
    @classmethod
    def _is_a_table(cls, table: str) -> str:
        if _TABLE.fullmatch(table) is None:
            raise ValueError("a table has 3 to 255 letters, digits, '_', '.' and '-'")
        return table

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        return None if url is None else address(url, credentials="access_key and secret_key")

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key belong together")
        if self.session_token is not None and self.access_key is None:
            raise ValueError("session_token needs access_key and secret_key")
        if self.profile is not None and self.access_key is not None:
            raise ValueError("a profile and an access_key are two answers to one question")
        return self
