"""Which versions of a secret can be read while graces run and after them."""

from __future__ import annotations

from omnicloud.contracts.secrets.graces import Version, readable


def ids(versions: list[Version], *, kept: int = 10, now: float) -> list[str]:
    return [info.version for info in readable(versions, kept, now)]


def test_without_rotations_the_newest_are_read_as_many_as_are_kept() -> None:
    versions = [Version(f"v{number}", float(number)) for number in range(12, 0, -1)]
    assert ids(versions, now=100.0) == [f"v{number}" for number in range(12, 2, -1)]
    assert ids(versions, kept=1, now=100.0) == ["v12"]


def test_the_current_version_never_ends_and_the_older_ones_do_with_the_grace() -> None:
    versions = [Version("new", 10.0, grace=5.0), Version("old", 1.0)]
    assert [(i.version, i.expires_in) for i in readable(versions, 10, 12.0)] == [
        ("new", None),
        ("old", 3.0),
    ]
    assert ids(versions, now=15.0) == ["new"]
    assert ids(versions, now=1e9) == ["new"]


def test_the_earlier_of_two_ends_counts_and_a_later_grace_prolongs_nothing() -> None:
    versions = [Version("c", 3.0, grace=60.0), Version("b", 2.0, grace=10.0), Version("a", 1.0)]
    told = {info.version: info.expires_in for info in readable(versions, 10, 4.0)}
    assert told == {"c": None, "b": 59.0, "a": 8.0}
    shorter = [Version("c", 3.0, grace=2.0), Version("b", 2.0, grace=60.0), Version("a", 1.0)]
    assert ids(shorter, now=4.0) == ["c", "b", "a"]
    assert ids(shorter, now=5.0) == ["c"]


def test_without_grace_the_older_ones_end_at_once_also_where_the_writers_clock_is_ahead() -> None:
    assert ids([Version("new", 1000.0, grace=0.0), Version("old", 1.0)], now=5.0) == ["new"]


def test_of_nothing_nothing_can_be_read() -> None:
    assert ids([], now=1.0) == []
