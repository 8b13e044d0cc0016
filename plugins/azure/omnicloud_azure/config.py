"""Settings of the provider ``azure``."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from omnicloud.core.http_settings import HTTPSettings, address

__all__ = ["AzureConfig"]

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class AzureConfig(HTTPSettings):
    """Which container, as whom, and how it is reached."""

    account: str = Field(description="The storage account.")
    container: str = Field(description="The container. It must be there: this provider makes none.")
    prefix: str = Field(
        default="",
        max_length=128,
        description=(
            "What the keys of this service start with in the container: ASCII letters, digits, "
            "'_', '-' and '/'."
        ),
    )
    keys: Literal["escaped", "plain"] = Field(
        default="escaped",
        description=(
            "'escaped': any key, in its order; other programs see a._b for a/b, as with the "
            "provider s3. 'plain': keys as they are, for containers shared with other programs; "
            "those that the service does not take are refused."
        ),
    )
    endpoint: str | None = Field(
        default=None,
        description=(
            "http(s)://HOST:PORT of the blob service, or http(s)://HOST:PORT/ACCOUNT of an "
            "emulator; Azure's for the account by default."
        ),
    )
    account_key: SecretStr | None = Field(
        default=None,
        description="One of the account's two keys; a reference like secret:azure-key.",
    )
    sas_token: SecretStr | None = Field(
        default=None,
        description=(
            "A shared access signature for the container, with or without '?'; a reference. "
            "Without it and account_key the usual chain of Azure: environment, workload "
            "identity, managed identity, az (needs omnicloud-azure[chain])."
        ),
    )
    presign: Literal["no", "with_header"] = Field(
        default="no",
        description=(
            "'with_header': sign URLs with account_key, although a PUT by one has to carry the "
            "header x-ms-blob-type: BlockBlob, for which no URL can stand."
        ),
    )
    lacks: frozenset[Literal["durable"]] = Field(
        default=frozenset(),
        description=(
            "What the service at the endpoint does not do, where it is an emulator; it is not "
            "declared then. Azurite forgets the last seconds when it is killed."
        ),
    )

    @field_validator("account")
    @classmethod
    def _is_an_account(cls, account: str) -> str:
        if _ACCOUNT.fullmatch(account) is None:
            raise ValueError("an account has 3 to 24 lower-case letters and digits")
        return account

    @field_validator("container")
    @classmethod
    def _is_a_container(cls, container: str) -> str:
        if _CONTAINER.fullmatch(container) is None:
            raise ValueError(
                "a container has 3 to 63 lower-case letters, digits and single hyphens"
            )
        return container

    @field_validator("prefix")
    @classmethod
    def _is_plain(cls, prefix: str) -> str:
        if re.fullmatch(r"([A-Za-z0-9_-]+/?)*", prefix) is None:
            raise ValueError("the prefix may hold letters, digits, '_', '-' and single '/'")
        return prefix

    @field_validator("account_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        try:
            base64.b64decode("" if key is None else key.get_secret_value(), validate=True)
        except binascii.Error:
            raise ValueError("account_key is not Base64, as Azure shows it") from None
        return key

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        return address(url, credentials="account_key or sas_token", segments=1)

    @model_validator(mode="after")
    def _credentials_are_one(self) -> Self:
        if self.account_key is not None and self.sas_token is not None:
            raise ValueError("account_key and sas_token are two answers to one question")
        if self.presign != "no" and self.account_key is None:
            raise ValueError("only an account_key signs URLs")
        return self

    @property
    def base(self) -> str:
        """The URL of the container, without a slash at its end."""
        service = self.endpoint or f"https://{self.account}.blob.core.windows.net"
        return f"{service}/{self.container}"
