"""What the models of contracts allow, and what they do not."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest

from omnicloud_tck.histories.checker import Answer, Model, check
from omnicloud_tck.histories.deliveries import Deliveries
from omnicloud_tck.histories.events import Action, Call, Fate
from omnicloud_tck.histories.groups import Transactions
from omnicloud_tck.histories.locks import Holdings
from omnicloud_tck.histories.outbox import Claims, Sequences
from omnicloud_tck.histories.registers import (
    CONFLICT,
    COUNTER,
    EVICTING,
    EXISTS,
    REGISTER,
    SAGA,
)
from omnicloud_tck.histories.versions import reused

Line = tuple[str, Hashable]
"""``"verb key args"`` and the answer."""


def told(*lines: Line, at_once: bool = False) -> list[Call]:
    """Calls one after another, or all at once, each of a client of its own."""
    calls: list[Call] = []
    for number, (words, result) in enumerate(lines):
        verb, key, *args = words.split()
        plain = tuple(int(one) if one.lstrip("-").isdigit() else one for one in args)
        begun, ended = (number, 100 + number) if at_once else (2 * number, 2 * number + 1)
        action = Action(verb, key.strip("."), plain)  # "." stands for no key
        client = 0 if verb in ("receive", "ack", "nack") else number % 8
        calls.append(Call(number, client, action, begun, ended, result=result, over=ended))
    return calls


def is_explained(calls: Sequence[Call], model: Model) -> bool:
    return check(calls, model).answer is Answer.EXPLAINED


GOOD: list[tuple[str, Model, list[Line]]] = [
    ("versions", REGISTER, [("set x a", "v1"), ("set_at x b v1", "v2"), ("entry x", ("b", "v2"))]),
    ("refusal", REGISTER, [("set x a", "v1"), ("set_at x b v0", CONFLICT), ("get x", "a")]),
    ("creation", REGISTER, [("create x a", "v1"), ("create x b", EXISTS), ("delete x", True)]),
    ("gone", REGISTER, [("create x a", "v1"), ("delete x v1", True), ("delete x v1", CONFLICT)]),
    ("sums", COUNTER, [("add n 2", 2), ("add n -3", -1), ("get n", -1), ("put n 9", None)]),
    ("silent sums", COUNTER, [("bump n 2", None), ("get n", 2), ("delete n", True)]),
    ("eviction", EVICTING, [("set x a", None), ("get x", None), ("get x", None)]),
    ("saga", SAGA, [("create s a", 1), ("update s b 1", 2), ("get s", (2, "b"))]),
    (
        "saga conflict",
        SAGA,
        [("create s a", 1), ("update s b 2", CONFLICT), ("create s c", CONFLICT)],
    ),
    (
        "grants",
        Holdings().model,
        [("acquire l a", 3), ("acquire l b", "refused"), ("release l a", None), ("acquire l b", 4)],
    ),
    (
        "permits",
        Holdings(2).model,
        [("acquire l a", 3), ("acquire l b", 4), ("acquire l c", "refused")],
    ),
    (
        "numbers",
        Sequences.model,
        [("save a p 1", None), ("save a q 2", None), ("mark a p", None), ("list a", ((2, "q"),))],
    ),
    (
        "claims",
        Claims.model,
        [
            ("save a p 1", None),
            ("save a q 2", None),
            ("claim . A 2", (("p", 1), ("q", 2))),
            ("claim . B 1", ()),
        ],
    ),
    (
        "given back",
        Claims.model,
        [
            ("save a p 1", None),
            ("claim . A 1", (("p", 1),)),
            ("free . A p", None),
            ("claim . B 1", (("p", 1),)),
        ],
    ),
    (
        "moves",
        Transactions.model,
        [("move xy a", (None, None, None)), ("look xyz", ("a", "a", None))],
    ),
    (
        "moves refused",
        Transactions.model,
        [("move xy a", CONFLICT), ("look xyz", (None, None, None))],
    ),
]

BAD: list[tuple[str, Model, list[Line]]] = [
    (
        "ABA",
        REGISTER,
        [("set x a", "v1"), ("set x b", "v2"), ("set x a", "v3"), ("set_at x c v1", "v4")],
    ),
    ("blind refusal", REGISTER, [("set x a", "v1"), ("set_at x b v1", CONFLICT)]),
    ("second creation", REGISTER, [("create x a", "v1"), ("create x b", "v2")]),
    ("other version", REGISTER, [("set x a", "v1"), ("entry x", ("a", "v2"))]),
    ("deleted twice", REGISTER, [("set x a", "v1"), ("delete x", True), ("delete x", True)]),
    ("lost addition", COUNTER, [("add n 1", 1), ("add n 1", 1)]),
    ("lost silent addition", COUNTER, [("bump n 1", None), ("bump n 1", None), ("get n", 1)]),
    ("stale entry", EVICTING, [("set x a", None), ("set x b", None), ("get x", "a")]),
    ("back from eviction", EVICTING, [("set x a", None), ("get x", None), ("get x", "a")]),
    ("saga written twice", SAGA, [("create s a", 1), ("update s b 1", 2), ("update s c 1", 2)]),
    ("saga of no one", SAGA, [("update s b 1", 2)]),
    ("two holders", Holdings().model, [("acquire l a", 3), ("acquire l b", 4)]),
    (
        "smaller token",
        Holdings().model,
        [("acquire l a", 3), ("release l a", None), ("acquire l b", 2)],
    ),
    (
        "same token",
        Holdings().model,
        [("acquire l a", 3), ("release l a", None), ("acquire l b", 3)],
    ),
    ("free and refused", Holdings().model, [("acquire l a", "refused")]),
    (
        "too many permits",
        Holdings(2).model,
        [("acquire l a", 3), ("acquire l b", 4), ("acquire l c", 5)],
    ),
    ("gap", Sequences.model, [("save a p 1", None), ("list a", ((2, "p"),))]),
    (
        "one number twice",
        Sequences.model,
        [("save a p 1", None), ("save a q 2", None), ("list a", ((1, "p"), (1, "q")))],
    ),
    ("lost event", Sequences.model, [("save a p 1", None), ("list a", ())]),
    (
        "two claimants",
        Claims.model,
        [("save a p 1", None), ("claim . A 1", (("p", 1),)), ("claim . B 1", (("p", 1),))],
    ),
    (
        "behind a claim",
        Claims.model,
        [
            ("save a p 1", None),
            ("save a q 2", None),
            ("claim . A 1", (("p", 1),)),
            ("claim . B 1", (("q", 2),)),
        ],
    ),
    (
        "out of order",
        Claims.model,
        [("save a p 1", None), ("save a q 2", None), ("claim . A 1", (("q", 2),))],
    ),
    (
        "half",
        Transactions.model,
        [("move xy a", (None, None, None)), ("look xyz", ("a", None, None))],
    ),
]


@pytest.mark.parametrize(("model", "lines"), [case[1:] for case in GOOD], ids=[c[0] for c in GOOD])
def test_a_model_allows_what_is_right(model: Model, lines: list[Line]) -> None:
    assert is_explained(told(*lines), model)


@pytest.mark.parametrize(("model", "lines"), [case[1:] for case in BAD], ids=[c[0] for c in BAD])
def test_a_model_refuses_what_is_wrong(model: Model, lines: list[Line]) -> None:
    assert not is_explained(told(*lines), model)


def test_write_skew_is_refused_also_when_both_ran_at_once() -> None:
    both = told(("move x a", (None, None, None)), ("move y b", (None, None, None)), at_once=True)
    assert not is_explained(both, Transactions.model)


def test_a_version_that_no_one_has_seen_matches_no_condition() -> None:
    calls = told(("set x a", "v1"), ("set x b", None), ("set_at x c v1", "v3"))
    assert not is_explained(calls, REGISTER)


def test_a_cancelled_attempt_holds_nothing_once_its_caller_goes_on() -> None:
    attempt = Call(
        0, 0, Action("acquire", "l", ("a",)), 1, None, Fate.UNKNOWN, over=2, said="cancelled"
    )
    during = Call(1, 1, Action("acquire", "l", ("b",)), 1, 3, result="refused", over=3)
    after = Call(2, 2, Action("acquire", "l", ("c",)), 4, 5, result="refused", over=5)
    law = Holdings()
    assert law.judge([attempt, during]) is None
    assert law.judge([attempt, during, after]) is not None


def test_a_version_given_twice_is_found() -> None:
    assert reused(told(("set x a", "1"), ("delete x", True), ("set x b", "1"))) is not None
    assert reused(told(("set x a", "1"), ("set y b", "1"), ("set x c", CONFLICT))) is None


def delivered(*lines: Line, ordered: bool = True, blind: bool = False) -> str:
    """What the rules of deliveries say; empty where nothing is wrong."""
    found = Deliveries(told(*lines), 600.0, ordered=ordered, blind=blind).wrong()
    return "" if found is None else found.why


def both(*lines: Line) -> list[Line]:
    """The lines, with group ``h`` getting and settling ``a`` too."""
    return [*lines, ("receive h 1", (("a", "k"),)), ("ack h a", True)]


def test_a_message_published_lent_and_settled_by_both_groups_is_right() -> None:
    lines: list[Line] = [("publish k a", None), ("receive g 1", (("a", "k"),)), ("ack g a", True)]
    assert delivered(*both(*lines)) == ""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("publish k a", None)], "was never given a"),
        ([("receive g 1", (("z", "k"),))], "not published"),
        ([("publish k a", None), ("receive g 1", (("a", "l"),))], "another key"),
        ([("publish k a", None), ("receive g 1", (("a", "k"), ("a", "k")))], "held a twice"),
        (
            [("publish k a", None), ("receive g 1", (("a", "k"),)), ("receive g 1", (("a", "k"),))],
            "two at once",
        ),
        (
            [
                ("publish k a", None),
                ("receive g 1", (("a", "k"),)),
                ("ack g a", True),
                ("receive g 1", (("a", "k"),)),
            ],
            "again after its ack",
        ),
        (
            [("publish k a", None), ("receive g 1", (("a", "k"),)), ("ack g a", False)],
            "was refused",
        ),
        (
            [("publish k a", None), ("publish k b", None), ("receive g 1", (("b", "k"),))],
            "overtook a",
        ),
    ],
)
def test_what_must_not_be_of_deliveries_is_found(lines: list[Line], said: str) -> None:
    assert said in delivered(*lines)


def test_order_is_asked_for_only_where_it_is_declared() -> None:
    lines: list[Line] = [
        ("publish k a", None),
        ("publish k b", None),
        ("receive g 2", (("b", "k"), ("a", "k"))),
    ]
    assert "overtook" in delivered(*lines)
    assert "overtook" not in delivered(*lines, ordered=False)


def test_a_message_given_back_may_come_again() -> None:
    lines: list[Line] = [
        ("publish k a", None),
        ("receive g 1", (("a", "k"),)),
        ("nack g a", True),
        ("receive g 1", (("a", "k"),)),
        ("ack g a", True),
    ]
    assert delivered(*both(*lines)) == ""


def test_a_receive_that_began_first_may_be_given_what_another_gave_back() -> None:
    """The receive of client A overlaps both the first delivery to B and B's giving back."""
    spans = {
        0: ("publish", "k", ("a",), 1, 2, None, 1),
        1: ("receive", "g", (1,), 3, 9, (("a", "k"),), 0),
        2: ("receive", "g", (1,), 4, 5, (("a", "k"),), 1),
        3: ("nack", "g", ("a",), 6, 7, True, 1),
        4: ("ack", "g", ("a",), 10, 11, True, 0),
    }
    calls = [
        Call(number, client, Action(verb, key, args), begun, ended, result=result, over=ended)
        for number, (verb, key, args, begun, ended, result, client) in spans.items()
    ]
    found = Deliveries(calls, 600.0, ordered=True).wrong()
    assert found is not None
    assert found.why == "group h was never given a, which was acknowledged"
    without = Deliveries([one for one in calls if one.number != 3], 600.0).wrong()
    assert without is not None
    assert "two at once" in without.why
