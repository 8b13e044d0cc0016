"""What is drawn for outboxes: every verb, with every option."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import OutboxFeature
from omnicloud_tck.programs.cast import Step
from omnicloud_tck.programs.chances import Chance, Verb, of, one_of
from omnicloud_tck.programs.circumstances import LEGION
from omnicloud_tck.programs.draws import flag, payload
from omnicloud_tck.programs.times import passing
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects.outbox import OutboxTwin
from omnicloud_tck.subjects.outbox_meeting import OUTBOX_MEETING

__all__ = ["OUTBOX_SUBJECT"]


def _room(chance: Chance) -> str:
    """What a space is called after its beginning: mostly the same in every list."""
    other = chance.names[0] if chance.seam is None else f"s{chance.seam}x"
    return chance.choice(("s", "s", "s", "s", other))


def _key(chance: Chance) -> str | None:
    some = ("b" + chance.names[0], chance.names[1] or "c")
    if chance.seam is not None:
        some = (f"x{chance.seam}a", "c")
    return chance.choice((None, "a", "a", "a", "B", *some))


def _keys(chance: Chance) -> tuple[str | None, str | None]:
    return _key(chance), chance.choice((None, None, "k", "k" + chance.names[2]))


def _several(chance: Chance) -> list[tuple[str | None, str | None]]:
    return [_keys(chance) for _ in range(chance.randint(1, 3))]


def _topic(chance: Chance) -> str:
    return "t" + chance.choice(("", "", chance.names[3]))


def _owner(chance: Chance) -> str:
    return chance.choice(("me", "me", "Me", "m\u00e9", "o" + chance.names[1]))


def _picked(chance: Chance) -> list[int]:
    return [chance.randrange(40) for _ in range(chance.choice((1, 1, 2, 4)))]


def _marks(chance: Chance) -> list[int]:
    return _picked(chance) if chance.random() < 0.5 else []


_WHICH = one_of(*range(40))
_MOST: Any = one_of(1, 1, 2, 3, 100)
_LEASE: Any = one_of(5.9, 90.9, 3600.0, 3600.9, 200_000.0, 3_000_000.0)
_KEPT: Any = one_of(0.0, 0.0, 5.9, 90.9, 7200.9)
_DELAY: Any = one_of(0.0, 0.0, 5.9, 100.9, 90_000.9)
_LIMIT = one_of(1, 2, 3, 1000)


def _lasting(chance: Chance) -> Step:
    """A call that decides when a claim, or a wait, ends."""
    room, owner = _room(chance), _owner(chance)
    if chance.random() < 0.4:
        return ("claim", room, owner, _MOST(chance), _LEASE(chance))
    if chance.random() < 0.5:
        return ("keep", room, owner, _picked(chance), _KEPT(chance))
    return ("fail", room, owner, _WHICH(chance), _DELAY(chance), False)


OUTBOX_SUBJECT = Twins(
    "outbox",
    {
        "save": Verb(9, of(_room, _keys, payload, _topic)),
        "again": Verb(1.5, of(_room, _WHICH, payload)),
        "crowd": Verb(0.1, of(_room, _keys, payload, one_of(60, 130))),
        "shift": Verb(0.1, of(_room, one_of((None, None), ("a", "k")), payload, _owner)),
        "transact": Verb(
            2, of(_room, _several, payload, flag, _marks), frozenset({OutboxFeature.TRANSACTION})
        ),
        "events": Verb(4, of(_room, one_of(0, 0, 1, 2), _key, flag, _LIMIT)),
        "aggregates": Verb(2, of(_room, _LIMIT)),
        "lag": Verb(2, of(_room)),
        "claim": Verb(7, of(_room, _owner, _MOST, _LEASE)),
        "keep": Verb(3, of(_room, _owner, _picked, _KEPT)),
        "fail": Verb(6, of(_room, _owner, _WHICH, _DELAY, flag)),
        "mark": Verb(3, of(_room, _picked)),
        "requeue": Verb(3, of(_room, _WHICH)),
        "purge": Verb(
            1.5, of(_room, one_of(0.0, 0.0, 30.0, 3000.0, 50_000.0), one_of(1, 100, 100))
        ),
        "edge": Verb(3, of(one_of(*range(6)), _lasting)),
        "wait": Verb(3, of(passing)),
    },
    OutboxTwin,
    "payload_max_bytes",
    meeting=OUTBOX_MEETING,
    legion=("legion", "s", LEGION),
    long=400,
)
