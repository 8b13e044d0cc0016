"""What is drawn for sagas: every verb, with every option."""

from __future__ import annotations

import json
from typing import Any

from omnicloud.contracts.sagas import SagaFeature
from omnicloud_tck.programs.cast import Step
from omnicloud_tck.programs.chances import Chance, Verb, of, one_of
from omnicloud_tck.programs.circumstances import LEGION
from omnicloud_tck.programs.times import passing
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects.sagas import SagasTwin, State
from omnicloud_tck.subjects.sagas_meeting import SAGAS_MEETING

__all__ = ["SAGAS_SUBJECT"]

_STEPS = (None, None, 0, 1, -1, 2**63 - 1, -(2**63), "", "0", "pay", " pay", "é", "None", "e\u0301")
_VALUES: tuple[object, ...] = (
    *(0, 1, -2.5, 2**53 + 1, 2**70, 1e308, 5e-324, True, None, "", "é", "e\u0301", "\U0001f980"),
    *("\0", "a\nb", [], {}, [1, [None]], {"": {"a.b": [{}]}}, "x" * 5000, "2024-02-29T00:00:00Z"),
)
_LONG = (0, 0, 1, 1, 3, 3, 3, 300) + (0, 1, 3) * 8 + (1200,)
_ENTRIES = (("pay", "DONE"), ("pay", "DONE"), ("pay", "done"), ("é", " x "), ("ship", "FAILED"))


def _room(chance: Chance) -> str:
    """What a space is called after its beginning: mostly the same in every list."""
    other = chance.names[0] if chance.seam is None else f"s{chance.seam}x"
    return chance.choice(("s", "s", "s", "s", other))


def _name(chance: Chance) -> str:
    """One of the few ids of a list."""
    other = "B" if chance.seam is None else f"x{chance.seam}a"
    return chance.choice(("a", "b", other, *(name or "c" for name in chance.names[1:])))


def _status(chance: Chance) -> str:
    return chance.choice(
        ("RUNNING", "RUNNING", "RUN", "COMPLETED", "running", "s" + chance.names[1])
    )


def _statuses(chance: Chance) -> list[str]:
    return [_status(chance) for _ in range(chance.choice((1, 1, 2, 3)))]


def _state(chance: Chance) -> State:
    history = tuple(chance.choice(_ENTRIES) for _ in range(chance.choice(_LONG)))
    payload = {chance.choice(("n", "é", "N")): chance.choice(_VALUES)}
    if chance.random() < 0.2:
        payload["told"] = f"cnry-{chance.randrange(1 << 40):010x}"
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return _status(chance), chance.choice(_STEPS), history, text.encode()


def _owner(chance: Chance) -> str:
    return chance.choice(("one", "two", "One", "\u00e9", "o" + chance.names[2]))


def _any_owner(chance: Chance) -> str | None:
    return chance.choice((None, _owner(chance)))


def _any_name(chance: Chance) -> str | None:
    return chance.choice((None, None, _name(chance)))


def _excluded(chance: Chance) -> list[str]:
    return [_name(chance) for _ in range(chance.choice((0, 0, 1, 2, 4)))]


_LEASE: Any = one_of(5.9, 90.9, 3600.0, 3600.9, 200_000.0, 3_000_000.0)
_KEPT: Any = one_of(0.0, 0.0, 5.9, 90.9, 7200.9)


def _claim(chance: Chance) -> tuple[Any, ...]:
    """A claim; of one that is asked for by its id and excluded too, every few times."""
    name, excluded = _any_name(chance), _excluded(chance)
    if name is not None and chance.random() < 0.3:
        excluded.append(name)
    most = chance.choice((1, 1, 2, 10))
    asked = (_room(chance), _statuses(chance), _owner(chance), _LEASE(chance))
    return (*asked, most, name, excluded)


def _lasting(chance: Chance) -> Step:
    """A call that decides when a lease ends."""
    if chance.random() < 0.4:
        return ("claim", *_claim(chance))
    return ("keep", _room(chance), _name(chance), _owner(chance), _KEPT(chance))


_PLAIN: State = ("MANY", None, (), b"{}")

SAGAS_SUBJECT = Twins(
    "sagas",
    {
        "create": Verb(8, of(_room, _name, _state, _any_owner, _LEASE)),
        "update": Verb(9, of(_room, _name, _state, one_of(0, 0, 0, 0, -1, 1, -9), _owner)),
        "get": Verb(3, of(_room, _name)),
        "listing": Verb(
            3,
            of(_room, _status, _any_name, one_of(1, 2, 100)),
            frozenset({SagaFeature.LIST}),
        ),
        "claim": Verb(7, _claim),
        "keep": Verb(5, of(_room, _name, _owner, _KEPT)),
        "crowd": Verb(0.1, of(_room, _state, one_of(40, 120))),
        "edge": Verb(3, of(one_of(*range(6)), _lasting)),
        "wait": Verb(3, of(passing)),
    },
    SagasTwin,
    "payload_max_bytes",
    meeting=SAGAS_MEETING,
    legion=("crowd", "s", _PLAIN, LEGION),
    long=400,
    stepped=True,
)
