"""Names of queues, bodies of messages, and the seconds that SQS counts in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud_aws.desk import _held
from omnicloud_aws.envelope import Grave, Meta, opened, packed
from omnicloud_aws.letters import _REASON_CHARACTERS
from omnicloud_aws.messaging import _LIMITS
from omnicloud_aws.places import Places
from omnicloud_aws.queues import MOST_BYTES, Found, _whole, portions

_QUICK = settings(max_examples=40, deadline=None)
_NAMES = st.text(min_size=1, max_size=40)
_QUEUE = re.compile("[A-Za-z0-9_-]{1,80}")


def _received(meta: Meta, **more: Any) -> Found:
    told: dict[str, Any] = {"received": 1, "sent_at": 100.0, "first_at": 100.0, "came": 0.0}
    return Found(handle="h", meta=meta, payload=b"", size=0, **{**told, **more})


@_QUICK
@given(_NAMES, _NAMES, _NAMES)
def test_every_name_is_one_that_sqs_takes(namespace: str, topic: str, group: str) -> None:
    places = Places(namespace)
    queue = places.group(topic, group)
    for name in (queue, places.dead(queue), places.later(topic), places.topic(topic), places.own):
        assert _QUEUE.fullmatch(name), name
        assert name.startswith(places.topic(topic)) or name == places.own
    assert places.is_dead(places.dead(queue))
    assert not places.is_dead(queue)
    assert places.alive(places.dead(queue)) == queue


@_QUICK
@given(st.tuples(_NAMES, _NAMES, _NAMES), st.tuples(_NAMES, _NAMES, _NAMES))
def test_unlike_places_have_unlike_names(
    one: tuple[str, str, str], two: tuple[str, str, str]
) -> None:
    names = [Places(space).group(topic, group) for space, topic, group in (one, two)]
    assert (names[0] == names[1]) == (one == two)


def test_names_that_are_cut_elsewhere_are_unlike() -> None:
    assert Places("a").topic("bc") != Places("ab").topic("c")


@_QUICK
@given(
    st.text(min_size=1),
    st.none() | st.text(min_size=1),
    st.dictionaries(st.text(), st.text(), max_size=4),
    st.binary(max_size=200),
)
def test_a_body_says_what_was_packed(
    id_: str, key: str | None, headers: dict[str, str], payload: bytes
) -> None:
    meta = Meta(id_, key, headers, 17.25, 3, 4.5, Grave("g", "why", 3, 18.0))
    body = packed(meta, payload)
    assert body.isascii()
    assert opened(body, "other", 0.0) == (meta, payload)


@pytest.mark.parametrize(
    "body",
    ["", "{}", "omnicloud-1 ", "omnicloud-1 ???", "omnicloud-1 AAAA", "omnicloud-1 /////w=="],
)
def test_a_body_that_others_wrote_is_all_payload(body: str) -> None:
    meta, payload = opened(body, "theirs", 5.0)
    assert payload == body.encode()
    assert (meta.id, meta.key, meta.headers, meta.published_at) == ("theirs", None, {}, 5.0)


def test_seconds_are_rounded_up_to_those_that_sqs_counts() -> None:
    assert [_whole(one) for one in (0.0, 0.05, 1.0, 1.0000000001, 1.2, 900.0)] == [
        *(0, 1, 1, 1, 2, 900)
    ]


@_QUICK
@given(st.floats(0.01, 43_000.0))
def test_a_receipt_is_good_for_no_longer_than_its_message_is_hidden(lease: float) -> None:
    assert 0.0 < _held(lease) <= lease
    assert _held(lease) < _whole(lease)


def test_how_long_a_message_waits_is_told_by_the_stamps_of_the_service() -> None:
    meta = Meta("id", None, {}, 0.0, wait=2.5)
    assert _received(meta, first_at=101.0).left(now=0.0) == 1.5
    again = _received(meta, first_at=101.0, received=2)
    assert again.left(now=102.0) == 0.5
    assert _received(Meta("id", None, {}, 0.0)).left(now=0.0) == 0.0


def test_the_longest_message_that_is_taken_fits_where_it_has_to_go() -> None:
    letters = [chr(code) for code in range(32, 127)]
    names = (*letters, *(one + two for one in letters for two in letters), *map(str, range(10**5)))
    headers, left = dict[str, str](), _LIMITS.headers_max_bytes
    for name in names:
        if len(name) > left:
            break
        headers[name], left = "", left - len(name)
    grave = Grave("g" * 1024, "\N{CRAB}" * _REASON_CHARACTERS, 1_000, 1e9)
    meta = Meta("i" * 1024, "k" * 1024, headers, 1e9, 1_000, 604_800.0, grave)
    assert len(packed(meta, bytes(_LIMITS.payload_max_bytes))) <= MOST_BYTES


@_QUICK
@given(st.lists(st.integers(1, MOST_BYTES), max_size=30))
def test_batches_hold_all_in_order_and_what_the_service_takes(sizes: list[int]) -> None:
    bodies = ["x" * size for size in sizes]
    some = list(portions(bodies))
    assert [body for portion in some for body in portion] == bodies
    for portion in some:
        assert 1 <= len(portion) <= 10
        assert sum(map(len, portion)) <= MOST_BYTES
