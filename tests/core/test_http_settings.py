"""What providers over HTTP have in common in their settings."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from omnicloud.core.http import Bounds
from omnicloud.core.http_settings import HTTPSettings, address


def test_a_wire_is_held_to_what_the_settings_say() -> None:
    said = HTTPSettings(
        tls_ca_file=Path("ca.pem"), answer_timeout=3, connect_timeout=2, max_connections=7
    )
    assert said.bounds == Bounds(3, 2, 7, Path("ca.pem"))
    assert HTTPSettings().bounds == Bounds()


@pytest.mark.parametrize("wrong", ["answer_timeout", "connect_timeout", "max_connections", "url"])
def test_nothing_is_waited_for_or_held_by_zero_and_no_other_key_is_taken(wrong: str) -> None:
    with pytest.raises(ValidationError):
        HTTPSettings.model_validate({wrong: 0})


@pytest.mark.parametrize(
    ("url", "segments", "plain"),
    [
        ("http://h:1", 0, "http://h:1"),
        ("HTTPS://h/", 0, "https://h"),
        ("http://h:1/account/", 1, "http://h:1/account"),
        ("https://h/a/v3", 2, "https://h/a/v3"),
    ],
)
def test_an_address_has_no_slash_at_its_end(url: str, segments: int, plain: str) -> None:
    assert address(url, credentials="token", segments=segments) == plain


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("h:1", "http://HOST"),
        ("ftp://h", "http://HOST"),
        ("http://", "http://HOST"),
        ("http://u:hunter2@h", "belong into token"),
        ("http://h?a=b", "no query"),
        ("http://h#a", "no query"),
        ("http://h/a/b", "path"),
    ],
)
def test_what_is_more_than_an_address_is_refused_without_being_repeated(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        address(url, credentials="token", segments=1)
    assert "hunter2" not in str(caught.value)
