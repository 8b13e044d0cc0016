"""Settings of the provider ``barbican``."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from omnicloud.core.http_settings import HTTPSettings, address

__all__ = ["BarbicanConfig"]

_PREFIX = re.compile(r"[A-Za-z0-9/_.@:-]{0,64}")
_HEADER = re.compile(r"[!-~]{1,255}")


class BarbicanConfig(HTTPSettings):
    """Which Barbican, and as whom."""

    endpoint: str = Field(
        default="http://127.0.0.1:9311", description="http(s)://HOST:PORT of the service, no /v1."
    )
    auth_url: str | None = Field(
        default=None, description="Keystone, such as https://keystone:5000/v3."
    )
    credential_id: str | None = Field(
        default=None, description="Id of an application credential in Keystone."
    )
    credential_secret: SecretStr | None = Field(
        default=None, description="Its secret; a reference like secret:barbican."
    )
    token: SecretStr | None = Field(
        default=None, description="A token of Keystone instead, used until it ends; a reference."
    )
    project: str | None = Field(
        default=None,
        description="Project that requests say they are of, for a Barbican without Keystone.",
    )
    prefix: str = Field(
        default="",
        description="What the names of this service start with in the project, such as orders/.",
    )
    payload_max_bytes: int = Field(
        default=15_000,
        ge=4_000,
        description=(
            "The longest payload that the service takes: three quarters of its "
            "max_allowed_secret_in_bytes, since bytes travel in base64."
        ),
    )
    watch_every: float = Field(
        default=2.0, ge=0.1, description="Seconds between two looks of a watch."
    )
    max_connections: int = Field(
        default=16, ge=1, description="Requests at once; more wait, at most answer_timeout."
    )

    @field_validator("prefix")
    @classmethod
    def _is_plain(cls, prefix: str) -> str:
        if _PREFIX.fullmatch(prefix) is None:
            raise ValueError("the prefix has at most 64 letters, digits and /_.@:-")
        return prefix

    @field_validator("project")
    @classmethod
    def _is_a_header(cls, project: str | None) -> str | None:
        if project is not None and _HEADER.fullmatch(project) is None:
            raise ValueError("a project is printable ASCII without spaces")
        return project

    @field_validator("endpoint", "auth_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        return address(url, credentials="credential_secret or token", segments=16)

    @model_validator(mode="after")
    def _says_who(self) -> Self:
        keystone = (self.auth_url, self.credential_id, self.credential_secret)
        if any(keystone) and not all(keystone):
            raise ValueError("auth_url, credential_id and credential_secret belong together")
        ways = [all(keystone), self.token is not None, self.project is not None]
        if sum(ways) != 1:
            raise ValueError("say who asks in one way: a credential, a token, or a project")
        return self
