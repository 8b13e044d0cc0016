"""Settings of the provider ``s3``."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from omnicloud.core.http_settings import HTTPSettings, address

__all__ = ["S3Config"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class S3Config(HTTPSettings):
    """Which bucket, of which service, as whom, and how it is reached."""

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
            "'escaped': any key, also over services that make folders of '/'; other programs see "
            "a._b for a/b. 'plain': keys as they are, for buckets shared with other programs; "
            "those that the service does not take are refused."
        ),
    )
    endpoint: str | None = Field(
        default=None,
        description="http(s)://HOST:PORT of the service; Amazon's for the region by default.",
    )
    region: str = Field(default="us-east-1", description="The region that requests are signed for.")
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto",
        description=(
            "Where the bucket stands in a URL: in its 'path' or in its host name ('virtual'). "
            "'auto': virtual at Amazon's, else path."
        ),
    )
    access_key: str | None = Field(
        default=None,
        description=(
            "Id of the access key; by default the usual chain of AWS: environment, profile, "
            "web identity, container, instance (needs omnicloud-s3[chain])."
        ),
    )
    secret_key: SecretStr | None = Field(
        default=None, description="The access key's secret; a reference like secret:s3-key."
    )
    session_token: SecretStr | None = Field(
        default=None, description="Token of temporary credentials; a reference."
    )
    profile: str | None = Field(
        default=None, description="Profile of the AWS configuration files, for the usual chain."
    )
    conditional: Literal["probe", "yes", "no"] = Field(
        default="probe",
        description=(
            "Whether the service honours conditions on writes. 'probe': ask at opening with a "
            "writes whose conditions cannot hold, and declare what was found."
        ),
    )
    completion: Literal["direct", "staged"] = Field(
        default="direct",
        description=(
            "How an upload in parts becomes an object. 'staged': under another key first, then "
            "copied, for services that honour conditions on copies but let two completions under "
            "one condition both succeed when they meet (SeaweedFS 4)."
        ),
    )

    @field_validator("bucket")
    @classmethod
    def _is_a_bucket(cls, bucket: str) -> str:
        if _BUCKET.fullmatch(bucket) is None:
            raise ValueError("a bucket has 3 to 63 lower-case letters, digits, dots and hyphens")
        return bucket

    @field_validator("prefix")
    @classmethod
    def _is_plain(cls, prefix: str) -> str:
        if re.fullmatch(r"([A-Za-z0-9_-]+/?)*", prefix) is None:
            raise ValueError("the prefix may hold letters, digits, '_', '-' and single '/'")
        return prefix

    @field_validator("region")
    @classmethod
    def _is_a_region(cls, region: str) -> str:
        if _REGION.fullmatch(region) is None:
            raise ValueError("a region has lower-case letters, digits and hyphens")
        return region

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

    @property
    def base(self) -> str:
        """The URL below which objects are, without a slash at its end."""
        scheme, _, host = (self.endpoint or f"https://s3.{self.region}.amazonaws.com").partition(
            "://"
        )
        dotted = scheme == "https" and "." in self.bucket  # no certificate covers it
        chosen = self.addressing == "virtual" or (
            self.addressing == "auto" and self.endpoint is None and not dotted
        )
        return f"{scheme}://{self.bucket}.{host}" if chosen else f"{scheme}://{host}/{self.bucket}"
