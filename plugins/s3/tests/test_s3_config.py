"""Settings that cannot be meant are refused, and URLs are those of the service."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from omnicloud_s3.config import S3Config


@pytest.mark.parametrize(
    "settings",
    [
        {"bucket": "Upper"},
        {"bucket": "ab"},
        {"bucket": "b/c"},
        {"bucket": "abc", "access_key": "alone"},
        {"bucket": "abc", "session_token": "alone"},
        {"bucket": "abc", "access_key": "a", "secret_key": "b", "profile": "c"},
        {"bucket": "abc", "endpoint": "ftp://host"},
        {"bucket": "abc", "endpoint": "http://user:password@host"},
        {"bucket": "abc", "endpoint": "http://host/path"},
        {"bucket": "abc", "region": "eu west"},
        {"bucket": "abc", "prefix": "../x"},
        {"bucket": "abc", "prefix": "a//b"},
        {"bucket": "abc", "answer_timeout": 0},
        {"bucket": "abc", "unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        S3Config(**settings)
    assert "password" not in str(caught.value).replace("secret_key", "")


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        ({"region": "eu-west-1"}, "https://abc.s3.eu-west-1.amazonaws.com"),
        ({"bucket": "a.b.c"}, "https://s3.us-east-1.amazonaws.com/a.b.c"),
        ({"addressing": "path"}, "https://s3.us-east-1.amazonaws.com/abc"),
        ({"endpoint": "http://host:9000/"}, "http://host:9000/abc"),
        ({"endpoint": "https://host", "addressing": "virtual"}, "https://abc.host"),
    ],
)
def test_the_bucket_stands_where_the_service_looks(settings: dict[str, Any], base: str) -> None:
    assert S3Config(**{"bucket": "abc", **settings}).base == base


def test_secrets_are_not_shown() -> None:
    config = S3Config(bucket="abc", access_key="a", secret_key="hidden", session_token="hidden")
    assert "hidden" not in repr(config)
    assert "hidden" not in config.model_dump_json()
