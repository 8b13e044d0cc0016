"""What is answered to requests for objects, by RFC 9110."""

from __future__ import annotations

import pytest

from omnicloud.contracts.objects import ObjectInfo
from omnicloud.web.answers import Answer, Delivery, answer_to, etag_of

INFO = ObjectInfo("k", 100, "v1", "text/x", modified=1_700_000_000.7)
TAG = etag_of(INFO)
THEN = "Tue, 14 Nov 2023 22:13:20 GMT"
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"


def asked(method: str = "GET", **headers: str) -> Answer:
    return answer_to(
        method, {name.replace("_", "-"): value for name, value in headers.items()}, INFO
    )


def test_all_of_it_is_told_and_sent() -> None:
    answer = asked()
    assert (answer.status, answer.start, answer.end) == (200, 0, 100)
    assert answer.headers["content-length"] == "100"
    assert answer.headers["content-type"] == "text/x"
    assert answer.headers["last-modified"] == THEN
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_head_tells_the_same_and_sends_nothing() -> None:
    answer = asked("HEAD", range="bytes=0-1")
    assert (answer.status, answer.end) == (200, 0)
    assert answer.headers == asked().headers


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=90-", 90, 100),
        ("bytes=90-1000", 90, 100),
        ("bytes=-10", 90, 100),
        ("bytes=-1000", 0, 100),
    ],
)
def test_one_range_is_answered(given: str, start: int, end: int) -> None:
    answer = asked(range=given)
    assert (answer.status, answer.start, answer.end) == (206, start, end)
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("given", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_of_nothing_is_refused_with_the_size(given: str) -> None:
    answer = asked(range=given)
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */100")


@pytest.mark.parametrize("given", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=5-2", "x"])
def test_what_is_no_single_range_is_answered_whole(given: str) -> None:
    assert asked(range=given).status == 200


@pytest.mark.parametrize("given", [TAG, f'"other", {TAG}', f"W/{TAG}", "*"])
def test_what_the_client_has_is_not_sent_again(given: str) -> None:
    answer = asked(if_none_match=given, if_modified_since=BEFORE)
    assert (answer.status, answer.end, answer.headers["etag"]) == (304, 0, TAG)


def test_conditions_on_dates_hold_where_there_is_none_on_tags() -> None:
    assert asked(if_modified_since=THEN).status == 304
    assert asked(if_modified_since=BEFORE).status == 200
    assert asked(if_modified_since="no date").status == 200
    assert asked(if_none_match='"other"', if_modified_since=THEN).status == 200


def test_a_part_of_another_version_is_not_sent() -> None:
    assert asked(if_match='"other"').status == 412
    assert asked(if_match=TAG).status == 200
    assert asked(range="bytes=0-1", if_range='"other"').status == 200
    assert asked(range="bytes=0-1", if_range=TAG).status == 206
    assert asked(range="bytes=0-1", if_range=THEN).status == 206
    assert asked(range="bytes=0-1", if_range=BEFORE).status == 200


def test_a_name_for_the_file_cannot_add_a_header() -> None:
    plain = answer_to("GET", {}, INFO, Delivery("a report.pdf", "no-store"))
    assert plain.headers["content-disposition"] == 'attachment; filename="a report.pdf"'
    assert plain.headers["cache-control"] == "no-store"
    odd = answer_to("GET", {}, INFO, Delivery('é"\r\nx: y'))
    assert odd.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%C3%A9%22%0D%0Ax%3A%20y"
    )
