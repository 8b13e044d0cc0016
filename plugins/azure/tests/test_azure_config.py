"""Settings that cannot be meant are refused, secrets are not shown, URLs are the service's."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from omnicloud_azure.config import AzureConfig
from omnicloud_azure.signing import AccountKey

_WHERE = {"account": "mine", "container": "abc"}


@pytest.mark.parametrize(
    "settings",
    [
        {"account": "Mine"},
        {"account": "my"},
        {"container": "Upper"},
        {"container": "ab"},
        {"container": "a--b"},
        {"container": "b/c"},
        {"account_key": "password no base64"},
        {"account_key": "AAAA", "sas_token": "sig=password"},
        {"presign": "with_header"},
        {"sas_token": "sig=password", "presign": "with_header"},
        {"endpoint": "ftp://host"},
        {"endpoint": "http://user:password@host"},
        {"endpoint": "http://host/account/container"},
        {"endpoint": "http://host?sig=password"},
        {"prefix": "../x"},
        {"prefix": "a//b"},
        {"answer_timeout": 0},
        {"lacks": ["conditional"]},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        AzureConfig(**{**_WHERE, **settings})
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({}, "https://mine.blob.core.windows.net/abc"),
        ({"endpoint": "http://127.0.0.1:10000/mine/"}, "http://127.0.0.1:10000/mine/abc"),
        (
            {"endpoint": "https://mine.blob.core.chinacloudapi.cn"},
            "https://mine.blob.core.chinacloudapi.cn/abc",
        ),
    ],
)
def test_the_container_stands_where_the_service_looks(settings: dict[str, Any], base: str) -> None:
    assert AzureConfig(**_WHERE, **settings).base == base


def test_secrets_are_not_shown() -> None:
    for secret in ({"account_key": "aGlkZGVu"}, {"sas_token": "sig=aGlkZGVu"}):
        config = AzureConfig(**_WHERE, **secret)
        assert "aGlkZGVu" not in repr(config)
        assert "aGlkZGVu" not in config.model_dump_json()
    assert "hidden" not in repr(AccountKey("mine", b"hidden"))
