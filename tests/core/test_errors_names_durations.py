"""Errors, names, durations, codecs and the running task's circumstances."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicloud import errors
from omnicloud.core.codec import codec_for
from omnicloud.core.context import acting_as, current, deadline, tenant
from omnicloud.core.durations import MAX_SECONDS, positive, seconds
from omnicloud.core.names import ROOT, Scope, check_name, escape, unescape
from omnicloud.errors import (
    CorruptedError,
    DeadlineExceededError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
)
from omnicloud.testing import FakeClock

ALL = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_in_the_tree_and_says_what_became_of_the_request(
    kind: type[OmniCloudError],
) -> None:
    error = kind("what", hint="mend it so")
    assert isinstance(error, OmniCloudError)
    assert isinstance(error.outcome, Outcome)
    assert str(error) == "what; mend it so"
    assert f"{kind.__name__}" in (errors.__doc__ or "")


def test_errors_that_python_knows_can_be_caught_as_pythons() -> None:
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(DeadlineExceededError, TimeoutError)


@given(NAMES)
def test_an_escaped_name_comes_back_and_is_never_a_path(name: str) -> None:
    escaped = escape(name)
    assert unescape(escaped) == name
    assert escaped.isascii()
    assert "/" not in escaped
    assert escaped not in (".", "..")
    assert not escaped.startswith("~")


@given(NAMES, NAMES.filter(lambda text: len(text.encode()) <= 128))
def test_a_scoped_name_comes_back_in_its_scope_and_in_no_other(name: str, who: str) -> None:
    scope, other = Scope.of(who), Scope.of(who[:-1] + ("b" if who.endswith("a") else "a"))
    stored = scope.enter(name)
    assert scope.leave(stored) == name
    assert other.leave(stored) is None
    assert ROOT.leave(stored) is None
    assert ROOT.leave(ROOT.enter(name)) == name
    assert scope.leave(ROOT.enter(name)) is None


@pytest.mark.parametrize("name", ["", 5, None, b"k", "x" * 1025, "é" * 513, "\ud800"])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidArgumentError):
        check_name(name)  # type: ignore[arg-type]  # what a caller without types may give


@pytest.mark.parametrize("name", ["x" * 1024, "é" * 512, "../x", "\0", "a/b", "~a", "😀"])
def test_any_text_of_up_to_its_bytes_is_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, "1", True, None, MAX_SECONDS * 2])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="ttl"):
        seconds(value, "ttl")  # type: ignore[arg-type]  # what a caller without types may give


def test_durations_are_seconds_or_timedeltas() -> None:
    assert seconds(timedelta(minutes=1), "ttl") == 60.0
    assert positive(0.001, "ttl") == 0.001
    with pytest.raises(InvalidArgumentError):
        positive(0, "ttl")


def test_codecs_give_back_what_they_took_and_name_no_values() -> None:
    assert codec_for(str).decode(codec_for(str).encode("日本")) == "日本"
    numbers = codec_for(dict[str, int])
    assert numbers.decode(numbers.encode({"a": 1})) == {"a": 1}
    with pytest.raises(InvalidArgumentError) as wrong:
        numbers.encode({"a": "payload-4711"})  # type: ignore[dict-item]  # the wrong type it tests
    with pytest.raises(CorruptedError) as corrupt:
        numbers.decode(b'{"a": "payload-4711"}')
    assert "4711" not in f"{wrong.value}{corrupt.value}"


async def test_circumstances_belong_to_the_task_and_end_with_the_block() -> None:
    async def seen(name: str) -> str | None:
        with tenant(name), acting_as(f"user:{name}"):
            await asyncio.sleep(0)
            return current().tenant

    assert await asyncio.gather(seen("a"), seen("b")) == ["a", "b"]
    assert (current().tenant, current().principal) == (None, None)


def test_an_inner_deadline_never_extends_an_outer_one() -> None:
    clock = FakeClock()
    with deadline(10, clock=clock):
        with deadline(60, clock=clock):
            assert current().deadline == 10.0
        with deadline(5, clock=clock):
            assert current().deadline == 5.0
    assert current().deadline is None
