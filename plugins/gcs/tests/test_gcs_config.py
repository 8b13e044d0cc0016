"""Settings that cannot be meant are refused, and secrets are not shown."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from omnicloud_gcs.config import GcsConfig


@pytest.mark.parametrize(
    "settings",
    [
        {"bucket": "Upper"},
        {"bucket": "ab"},
        {"bucket": "b/c"},
        {"bucket": "abc", "anonymous": True, "service_account_key": "key"},
        {"bucket": "abc", "endpoint": "ftp://host"},
        {"bucket": "abc", "endpoint": "http://user:password@host"},
        {"bucket": "abc", "endpoint": "http://host/path"},
        {"bucket": "abc", "prefix": "../x"},
        {"bucket": "abc", "prefix": "a//b"},
        {"bucket": "abc", "answer_timeout": 0},
        {"bucket": "abc", "lacks": ["presign"]},
        {"bucket": "abc", "unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        GcsConfig(**settings)
    assert "password" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    config = GcsConfig(bucket="abc", service_account_key="hidden")
    assert "hidden" not in repr(config)
    assert "hidden" not in config.model_dump_json()
