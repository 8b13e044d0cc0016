"""Names become subjects and back, apart from each other, and are found under their prefixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicloud_nats.names import Subjects, token_of

_SUBJECTS = Subjects("root")
_NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60) | st.text(
    "ab/:-", min_size=1, max_size=150
)


@given(_NAMES)
def test_a_subject_is_of_plain_tokens_and_reads_back(name: str) -> None:
    subject, beside = _SUBJECTS.of(name)
    tokens = subject.split(".")
    assert all(tokens)
    assert not set(subject) & set(" \t\r\n\0*>")
    assert _SUBJECTS.name(subject, beside) == name


@given(_NAMES, _NAMES)
def test_two_names_have_two_subjects_and_two_tokens(one: str, two: str) -> None:
    if one != two:
        assert _SUBJECTS.of(one) != _SUBJECTS.of(two)
        assert token_of(one) != token_of(two)


@given(_NAMES, st.integers(0, 150))
def test_a_name_is_found_under_each_of_its_prefixes(name: str, length: int) -> None:
    wildcard = _SUBJECTS.under(name[:length])
    assert _SUBJECTS.of(name)[0].startswith(wildcard.removesuffix(">"))


@pytest.mark.parametrize("prefix", ["user:", "orders/2026/", "tenant-7.", "a" * 16, "é_"])
def test_no_other_name_is_read_for_a_prefix_that_ends_where_names_are_divided(prefix: str) -> None:
    wildcard = _SUBJECTS.under(prefix).removesuffix(">")
    assert not _SUBJECTS.of(prefix[:-1])[0].startswith(wildcard)
    assert not _SUBJECTS.of(prefix[:-1] + "x1")[0].startswith(wildcard)


def test_a_name_that_is_too_long_is_cut_and_told_apart_by_what_stands_beside() -> None:
    long = "\0." * 2000
    cut, beside = _SUBJECTS.of(long + "a")
    other, _ = _SUBJECTS.of(long + "b")
    assert cut != other
    assert len(cut) < 3200
    assert _SUBJECTS.name(cut, beside) == long + "a"
    assert cut.startswith(_SUBJECTS.under(long).removesuffix(">"))
    assert _SUBJECTS.name(cut) is None
