"""Facts come back from a store that keeps plain names and values alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.objects.beside import Beside, Facts
from omnicloud.errors import CorruptedError, InvalidArgumentError

_PLAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_BESIDE = Beside("omni-", _PLAIN, 8192)
_TEXT = st.text(max_size=20)
_NAMES = st.one_of(_TEXT, st.sampled_from(["plain", "omni-sha256", "omni-more", "UPPER", "a-b"]))


@given(st.dictionaries(_NAMES, _TEXT, max_size=8), st.booleans(), _TEXT)
def test_facts_come_back(metadata: dict[str, str], has_checksum: bool, rest: str) -> None:
    checksum = f"sha256:{'0' * 64}" if has_checksum else None
    found = _BESIDE.unpacked(_BESIDE.packed(Facts(tuple(metadata.items()), checksum, rest)))
    assert (dict(found.metadata), found.checksum, found.rest) == (metadata, checksum, rest)


@given(st.dictionaries(_NAMES, _TEXT, max_size=8), _TEXT)
def test_what_is_kept_is_plain(metadata: dict[str, str], rest: str) -> None:
    for name, value in _BESIDE.packed(Facts(tuple(metadata.items()), None, rest)).items():
        assert _PLAIN.fullmatch(name)
        assert value.isascii()
        assert value.isprintable()
        assert value == value.strip() != ""


def test_plain_metadata_is_what_other_programs_read() -> None:
    facts = Facts((("author", "Ada L."), ("Title", "x")))
    assert _BESIDE.packed(facts)["author"] == "Ada L."
    assert "Title" not in _BESIDE.packed(facts)


def test_what_the_store_does_not_hold_is_refused() -> None:
    most = 8192 - len("n")
    _BESIDE.packed(Facts((("n", "v" * most),)))
    with pytest.raises(InvalidArgumentError, match="8192"):
        _BESIDE.packed(Facts((("n", "v" * (most + 1)),)))


@pytest.mark.parametrize(
    "kept", [{"omni-more": "no base64!"}, {"omni-more": "bm90IGpzb24="}, {"omni-rest": "/w=="}]
)
def test_what_was_not_written_is_corrupted(kept: dict[str, str]) -> None:
    with pytest.raises(CorruptedError):
        _BESIDE.unpacked(kept)
