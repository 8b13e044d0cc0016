"""Signatures are those of Amazon's published examples."""

from __future__ import annotations

from datetime import UTC, datetime

from omnicloud_s3.signing import EMPTY_SHA256, Keys, encoded, presigned, query_of, signed

_KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
_AT = datetime(2013, 5, 24, tzinfo=UTC).timestamp()
_HOST = "https://examplebucket.s3.amazonaws.com"


def test_a_signed_request_is_that_of_the_published_example() -> None:
    sent = signed(
        "GET", f"{_HOST}/test.txt", {"range": "bytes=0-9"}, EMPTY_SHA256, _KEYS, "us-east-1", _AT
    )
    expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert sent["authorization"].endswith(f"Signature={expected}")
    assert sent["x-amz-date"] == "20130524T000000Z"


def test_a_signed_query_is_that_of_the_published_example() -> None:
    url = f"{_HOST}/?{query_of({'prefix': 'J', 'max-keys': '2'})}"
    sent = signed("GET", url, {}, EMPTY_SHA256, _KEYS, "us-east-1", _AT)
    expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    assert sent["authorization"].endswith(f"Signature={expected}")


def test_a_presigned_url_is_that_of_the_published_example() -> None:
    url = presigned("GET", f"{_HOST}/test.txt", _KEYS, "us-east-1", _AT, 86400)
    expected = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert url.endswith(f"X-Amz-Signature={expected}")


def test_a_session_token_is_signed_and_sent() -> None:
    keys = Keys("a", "b", "token")
    sent = signed("GET", f"{_HOST}/x", {}, EMPTY_SHA256, keys, "us-east-1", _AT)
    assert sent["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in sent["authorization"]
    assert "X-Amz-Security-Token=token" in presigned("GET", f"{_HOST}/x", keys, "r", _AT, 1)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Keys("access", "the secret", "the secret token"))


def test_everything_but_unreserved_characters_is_encoded() -> None:
    assert encoded("a b/ü+~%", "/") == "a%20b/%C3%BC%2B~%25"
