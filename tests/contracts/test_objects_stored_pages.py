"""Pages of a store become pages of ours: whole, in order, folded, however small they are."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.contracts.objects.driver import List
from omnicloud.contracts.objects.listing import common_prefix
from omnicloud.contracts.objects.models import Listed
from omnicloud.contracts.objects.narrow import NarrowKeys
from omnicloud.contracts.objects.stored_keys import PlainKeys, StoredKeys
from omnicloud.contracts.objects.stored_pages import Stored, StoredPages
from omnicloud.errors import InvalidArgumentError

_PLAIN = PlainKeys("p/", re.compile(r"[\x00-\x1f]"), "holds a control character")
_NARROW, _TIGHT = NarrowKeys("p/"), NarrowKeys("p/", 120)
_KEYS = st.sets(st.text("ab/~é", min_size=1, max_size=90), min_size=1, max_size=25)


def _by_segments(row: tuple[str, str]) -> tuple[str, ...]:
    """The order of a store with folders: what is in one comes right after its name."""
    return tuple(row[0].split("/"))


class _Store:
    """A store that sorts its own keys, by their bytes unless told, and counts what it is asked."""

    def __init__(
        self,
        keys: StoredKeys,
        held: set[str],
        *,
        by_key: bool,
        order: Callable[[tuple[str, str]], object] | None = None,
    ) -> None:
        rows = ((keys.stored(key), keys.rest(key)) for key in held)
        self.held = sorted(rows, key=order)  # type: ignore[arg-type, type-var]
        self.names = [name for name, _ in self.held]
        self.by_key = by_key
        self.asked = 0

    async def ask(self, prefix: str, after: str, limit: int) -> tuple[Sequence[Stored], str | None]:
        """Go on after a key, or at a place in the list that means nothing to others."""
        self.asked += 1
        await asyncio.sleep(0)
        start = bisect_right(self.names, after) if self.by_key else int(after or 0)
        rows = [
            (place, name, rest)
            for place, (name, rest) in enumerate(self.held[start:], start)
            if name.startswith(prefix)
        ]
        found = [Stored(Listed(name, 1, "v", 0.0), rest) for _, name, rest in rows[:limit]]
        if len(rows) <= limit:
            return found, None
        return found, rows[limit - 1][1] if self.by_key else str(rows[limit - 1][0] + 1)


async def _listed(
    pages: StoredPages, prefix: str, delimiter: str | None, limit: int
) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    cursor: str | None = None
    for _ in range(1000):
        page = await pages.page(List(prefix, delimiter, cursor, limit))
        assert len(page.items) <= limit
        found += [(item.key, item.is_prefix) for item in page.items]
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


def _expected(held: set[str], prefix: str, delimiter: str | None) -> list[tuple[str, bool]]:
    lines = set()
    for key in held:
        if key.startswith(prefix):
            shared = common_prefix(key, prefix, delimiter)
            lines.add((key, False) if shared is None else (shared, True))
    return sorted(lines)


@pytest.mark.parametrize("keys", [_NARROW, _TIGHT], ids=["narrow", "tight"])
@pytest.mark.parametrize("by_key", [True, False], ids=["by key", "by marker"])
def test_all_keys_are_told_once_in_order(keys: StoredKeys, by_key: bool) -> None:
    @settings(deadline=None, max_examples=25)
    @given(_KEYS, st.sampled_from(["", "a", "a/", "/"]), st.sampled_from([None, "/", "b"]))
    def trial(held: set[str], prefix: str, delimiter: str | None) -> None:
        for limit in (1, 3, 100):
            store = _Store(keys, held, by_key=by_key)
            pages = StoredPages(keys, store.ask, by_key)
            found = asyncio.run(_listed(pages, prefix, delimiter, limit))
            assert found == _expected(held, prefix, delimiter)

    trial()


@settings(deadline=None, max_examples=50)
@given(
    st.sets(st.text("Aa/-b", min_size=1, max_size=6), min_size=1, max_size=25),
    st.sampled_from(["", "A", "A/"]),
    st.sampled_from([None, "/", "-"]),
)
def test_nothing_is_lost_or_told_twice_where_the_order_is_the_store_s_own(
    held: set[str], prefix: str, delimiter: str | None
) -> None:
    held = {"A", "A/dat1", "A-B", *held}
    for limit in (1, 2, 3, 100):
        store = _Store(_PLAIN, held, by_key=False, order=_by_segments)
        pages = StoredPages(_PLAIN, store.ask, by_key=False)
        found = asyncio.run(_listed(pages, prefix, delimiter, limit))
        assert sorted(found) == _expected(held, prefix, delimiter)


async def test_nothing_is_lost_of_cut_keys_that_reach_over_a_page_of_the_store() -> None:
    ends = [f"{'x' * 100}{number}" for number in range(1500)]
    held = {start * 40 + end for start in "ab" for end in ends}
    store = _Store(_TIGHT, held, by_key=True)
    found = await _listed(StoredPages(_TIGHT, store.ask, by_key=True), "", None, 700)
    assert sorted(found) == _expected(held, "", None)


async def test_what_is_below_a_common_prefix_is_passed_where_the_store_goes_on_by_key() -> None:
    held = {f"a/{number}" for number in range(50)} | {"b"}
    store = _Store(_PLAIN, held, by_key=True)
    pages = StoredPages(_PLAIN, store.ask, by_key=True)
    assert await _listed(pages, "", "/", 2) == [("a/", True), ("b", False)]
    assert store.asked == 2


async def test_a_cursor_of_something_else_is_refused() -> None:
    pages = StoredPages(_PLAIN, _Store(_PLAIN, set(), by_key=True).ask, by_key=True)
    with pytest.raises(InvalidArgumentError, match="cursor"):
        await pages.page(List(cursor="made up"))


def test_plain_keys_are_themselves_or_refused() -> None:
    assert _PLAIN.stored("a/b") == "p/a/b"
    assert _PLAIN.key("p/a/b") == "a/b"
    assert _PLAIN.key("q/a/b") is _PLAIN.key("p/~~uploads/x") is None
    for key in ("\0", "~~x", "k" * 1023):
        with pytest.raises(InvalidArgumentError, match="escaped"):
            _PLAIN.stored(key)
