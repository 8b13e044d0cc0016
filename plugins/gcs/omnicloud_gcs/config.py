"""Settings of the provider ``gcs``."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from omnicloud.core.http_settings import HTTPSettings, address

__all__ = ["GcsConfig"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


class GcsConfig(HTTPSettings):
    """Which bucket, as whom, and how it is reached."""

    bucket: str = Field(description="The bucket. It must be there: this provider makes none.")
    prefix: str = Field(
        default="",
        max_length=128,
        description=(
            "What the keys of this service start with in the bucket: ASCII letters, digits, "
            "'_', '-' and '/'."
        ),
    )
    keys: Literal["escaped", "plain"] = Field(
        default="escaped",
        description=(
            "'escaped': any key, also in buckets with folders; other programs see a._b for a/b, "
            "as with the provider s3. 'plain': keys as they are, for buckets shared with other "
            "programs; those that the service does not take are refused."
        ),
    )
    endpoint: str = Field(
        default="https://storage.googleapis.com",
        description="http(s)://HOST:PORT of the service.",
    )
    service_account_key: SecretStr | None = Field(
        default=None,
        description=(
            "The JSON of a service account's key; a reference like secret:gcs-key. By default "
            "Google's usual chain: GOOGLE_APPLICATION_CREDENTIALS, gcloud, workload identity, "
            "the machine's own account (needs omnicloud-gcs[chain])."
        ),
    )
    anonymous: bool = Field(
        default=False, description="Whether to send no credentials: public buckets, emulators."
    )
    lacks: frozenset[Literal["conditional", "durable"]] = Field(
        default=frozenset(),
        description=(
            "What the service at the endpoint does not do, where it is an emulator; it is not "
            "declared then. fake-gcs-server ignores most conditions."
        ),
    )

    @field_validator("bucket")
    @classmethod
    def _is_a_bucket(cls, bucket: str) -> str:
        if _BUCKET.fullmatch(bucket) is None:
            raise ValueError(
                "a bucket has 3 to 222 lower-case letters, digits, dots, hyphens and underscores"
            )
        return bucket

    @field_validator("prefix")
    @classmethod
    def _is_plain(cls, prefix: str) -> str:
        if re.fullmatch(r"([A-Za-z0-9_-]+/?)*", prefix) is None:
            raise ValueError("the prefix may hold letters, digits, '_', '-' and single '/'")
        return prefix

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return address(url, credentials="service_account_key")

    @model_validator(mode="after")
    def _credentials_are_one(self) -> Self:
        if self.anonymous and self.service_account_key is not None:
            raise ValueError("anonymous and service_account_key are two answers to one question")
        return self
