"""Any key fits a narrower service, comes back, and stays in its order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.contracts.objects.narrow import NarrowKeys

_CHARACTERS = st.one_of(
    st.sampled_from("/./.\\~[!% a\0\x7fé\ud7fe\ud7ff\uffee\U0001f980"),
    st.characters(exclude_categories=["Cs"]),
)
_KEYS = st.text(_CHARACTERS, min_size=1, max_size=60)
_LONG = st.tuples(st.text(_CHARACTERS, min_size=1, max_size=5), st.integers(200, 1400)).map(
    lambda drawn: (drawn[0] * drawn[1])[: drawn[1]]
)
_NARROW = NarrowKeys("some/place/")


@settings(deadline=None)
@given(st.one_of(_KEYS, _LONG))
def test_a_key_comes_back_from_what_a_service_keeps(key: str) -> None:
    stored = _NARROW.stored(key)
    assert _NARROW.key(stored, _NARROW.rest(key)) == key


@settings(deadline=None)
@given(st.one_of(_KEYS, _LONG))
def test_a_stored_key_is_one_that_any_service_takes(key: str) -> None:
    stored = _NARROW.stored(key)
    assert len(stored.encode()) <= 1024
    assert not stored.endswith("/")
    assert all(0 < len(part.encode()) <= 255 for part in stored.split("/"))
    assert not any(part in (".", "..") for part in stored.split("/"))
    assert stored.isprintable() or not key.isprintable()
    assert not set(stored) & set(" \\\x7f") - {"\0"}


@settings(deadline=None)
@given(_KEYS, _KEYS)
def test_stored_keys_are_in_the_order_of_keys(one: str, other: str) -> None:
    stored = [_NARROW.stored(key).encode() for key in (one, other)]
    assert (stored[0] < stored[1]) == (one < other)
    assert (stored[0] == stored[1]) == (one == other)


@settings(deadline=None)
@given(st.text("ab/é\U0001f980", min_size=40, max_size=50), st.text("ab/é", max_size=50))
def test_folding_keeps_the_order_too(one: str, more: str) -> None:
    other = one[:44] + more
    stored = [_NARROW.stored(key).encode() for key in (one, other)]
    assert (stored[0] < stored[1]) == (one < other)


@settings(deadline=None)
@given(st.one_of(_KEYS, _LONG), st.integers(0, 1400))
def test_a_key_starts_with_what_its_prefixes_are_kept_as(key: str, size: int) -> None:
    assert _NARROW.stored(key).startswith(_NARROW.beginning(key[:size]))


@settings(deadline=None)
@given(_LONG, st.integers(150, 1000), st.text("aé\U0001f980/", max_size=9))
def test_keys_out_of_order_are_in_one_cluster(key: str, shared: int, more: str) -> None:
    one, other = key, key[:shared] + more
    stored = [_NARROW.stored(each).encode() for each in (one, other)]
    if (stored[0] < stored[1]) != (one < other):
        assert _NARROW.cluster(one) is not None
        assert _NARROW.cluster(one) == _NARROW.cluster(other)


@settings(deadline=None)
@given(_LONG)
def test_the_cluster_of_a_cut_key_is_known_without_its_rest(key: str) -> None:
    stored = _NARROW.stored(key)
    head = _NARROW.key(stored)
    assert head is not None
    if _NARROW.rest(key):
        assert _NARROW.cluster(head) == _NARROW.cluster(key)
        assert stored.startswith(_NARROW.cluster(key) or "nothing")


def test_what_something_else_wrote_is_not_a_key() -> None:
    for foreign in ("some/place/a/b", "some/place/a b", "some/place/", "elsewhere/a"):
        assert _NARROW.key(foreign) is None


def test_the_rest_of_the_worst_key_fits_beside_an_object() -> None:
    assert len(_NARROW.rest("/" * 1410).encode()) <= 1000
    assert len(_NARROW.rest("\0" * 1410).encode()) <= 1200


_UNITS = NarrowKeys("some/place/", by_code_unit=True)


@settings(deadline=None, max_examples=40)
@given(st.one_of(_KEYS, _LONG))
def test_a_key_in_code_units_comes_back_and_fits(key: str) -> None:
    stored = _UNITS.stored(key)
    assert _UNITS.key(stored, _UNITS.rest(key)) == key
    assert len(stored.encode()) <= 1024
    assert max(stored) <= "\ud7ff"


@settings(deadline=None, max_examples=40)
@given(_KEYS, _KEYS)
def test_code_units_are_in_the_order_of_keys(one: str, other: str) -> None:
    stored = [_UNITS.stored(key).encode("utf-16-be") for key in (one, other)]
    assert (stored[0] < stored[1]) == (one < other)


@settings(deadline=None, max_examples=40)
@given(_LONG, st.integers(80, 1000), st.text("aé\U0001f980/", max_size=9))
def test_keys_out_of_order_in_code_units_are_in_one_cluster(
    key: str, shared: int, more: str
) -> None:
    one, other = key, key[:shared] + more
    stored = [_UNITS.stored(each).encode("utf-16-be") for each in (one, other)]
    if (stored[0] < stored[1]) != (one < other):
        assert _UNITS.cluster(one) is not None
        assert _UNITS.cluster(one) == _UNITS.cluster(other)


@settings(deadline=None, max_examples=40)
@given(_LONG)
def test_the_cluster_in_code_units_is_known_without_the_rest(key: str) -> None:
    head = _UNITS.key(_UNITS.stored(key))
    assert head is not None
    if _UNITS.rest(key):
        assert _UNITS.cluster(head) == _UNITS.cluster(key)


@pytest.mark.parametrize("spelled", ["\ud7ffffffff", "\ud7ff00d800", "\ud7ff00d7", "\uffee"])
def test_what_spells_no_character_is_not_a_key(spelled: str) -> None:
    assert _UNITS.key(f"some/place/{spelled}") is None
    assert _NARROW.key(f"some/place/{spelled}") == spelled
