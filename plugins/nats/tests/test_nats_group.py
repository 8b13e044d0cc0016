"""A group's record decides alone what is lent next."""

from __future__ import annotations

from omnicloud_nats.group import WINDOW, Dead, Group, Seen

_LEASE = 30.0


def _group(*lanes: str) -> Group:
    group = Group("g", 0)
    group.look(Seen(seq, lane) for seq, lane in enumerate(lanes, 1))
    return group


def _refs(group: Group, now: float, most: int = 10) -> list[int]:
    return [entry.ref for _, entry in group.lend(now, most, _LEASE)]


def test_a_record_reads_back_as_it_was_written() -> None:
    group = _group("a", "", "b")
    group.lend(1.0, 2, _LEASE)
    group.dead.append(Dead(7, 70, "id", "a", "RETRY", 3, 5.5))
    group.replay([Seen(1, "a", 9.0)], 8.0)
    assert Group.read(group.written()) == group


def test_of_each_key_only_the_oldest_is_lent_and_what_has_none_waits_for_nothing() -> None:
    group = _group("a", "a", "", "b", "")
    assert _refs(group, 1.0) == [1, 3, 4, 5]
    assert _refs(group, 2.0) == []
    assert _refs(group, 1.0 + _LEASE) == [1, 3, 4, 5]


def test_a_receipt_is_good_until_its_lease_ends_and_for_that_delivery_alone() -> None:
    group = _group("a")
    ((first, entry),) = group.lend(1.0, 1, _LEASE)
    assert group.held(first, 1.0 + _LEASE - 0.1) is entry
    assert group.held(first, 1.0 + _LEASE) is None
    ((second, _),) = group.lend(1.0 + _LEASE, 1, _LEASE)
    assert group.held(first, 2.0 + _LEASE) is None
    assert group.held(second, 2.0 + _LEASE) is entry


def test_redriven_letters_wait_until_all_before_them_was_looked_at() -> None:
    group = _group("a")
    ((receipt, entry),) = group.lend(1.0, 1, _LEASE)
    group.kill(receipt, Dead(1, 50, "id", entry.lane, "FAIL", 1, 2.0))
    assert group.redrive((), end=60) == 1
    assert _refs(group, 3.0) == []
    group.look([Seen(55, "b"), Seen(61)])
    assert _refs(group, 3.0) == [55, 50]


def test_a_replay_brings_back_what_was_settled_since_and_leaves_the_rest() -> None:
    seen = [Seen(seq, "", float(seq)) for seq in range(1, 6)]
    group = Group("g", 0)
    group.look(seen)
    for receipt, _ in group.lend(1.0, 4, _LEASE):
        group.remove(receipt)
    assert group.replay(seen, since=2.0) == 3
    assert group.replay(seen, since=2.0) == 0
    assert group.look(seen) == 3
    assert _refs(group, 2.0) == [2, 3, 4, 5]


def test_what_is_not_settled_or_not_looked_at_is_needed() -> None:
    group = _group("", "", "")
    first, *_ = [receipt for receipt, _ in group.lend(1.0, 3, _LEASE)]
    assert group.low == 1
    group.remove(first)
    assert group.low == 2
    group.replay([Seen(1, "", 1.0)], 0.0)
    assert group.low == 1


def test_a_group_looks_past_no_more_than_its_window_and_fits_into_a_message() -> None:
    group = _group(*(f"{lane:016x}" for lane in range(WINDOW)))
    assert group.room == 0
    group.lend(1.0, WINDOW, _LEASE)
    assert len(group.written()) < 512 << 10
