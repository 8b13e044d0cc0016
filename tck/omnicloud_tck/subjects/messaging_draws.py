"""What is drawn for messaging: every verb, with every option."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud_tck.programs.chances import Chance, Verb, of, one_of
from omnicloud_tck.programs.circumstances import LEGION
from omnicloud_tck.programs.draws import flag, payload
from omnicloud_tck.programs.times import passing
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects.messaging import MessagingTwin
from omnicloud_tck.subjects.messaging_meeting import MESSAGING_MEETING

__all__ = ["MESSAGING_SUBJECT"]

_OWN = (
    *("id", "key", "payload", "topic", "group", "attempt", "attempts", "headers", "message_id"),
    *("published_at", "delay", "reason", "receipt", "content-type", "trace", "_id", "priority"),
    *("CC", "BCC", "ttl", "Nats-Rollup", "destination", "Content-Transfer-Encoding", "x-death"),
)
"""Headers called as a provider, or its broker, may call fields of its own."""

_HEADERS = (
    (),
    (),
    (("Name", "é \U0001f980"),),
    (("n", ""), ("N", " two words "), ("x-y", "a\nb")),
    (("e\u0301", "0"), ("é", "1"), ("long", "v" * 5000)),
    tuple((name, f"my {name}") for name in _OWN),
)
_WILD = ((".a", ".*"), (".a", ".>"), (".a.b", ".#"), ("/a", "/+"))
"""Ends of topics of which a broker with wildcards takes the second for the first."""
_REASONS = ("on purpose", "é \U0001f980", "handler raised ValueError", "r" * 300)
_PLAGUES = (4, 4, 4, 4, 4, 14, 110)
_WEEK = 7 * 86_400.0

_BATCH = frozenset({MessagingFeature.BATCH})
_DEDUPE = frozenset({MessagingFeature.DEDUPE})


def _room(chance: Chance) -> str:
    """What a topic's name ends with: mostly one of two."""
    if "wild" not in chance.kept:
        chance.kept["wild"] = chance.choice((*_WILD, chance.names[:2], chance.names[:2]))
    one, two = chance.kept["wild"]
    if chance.seam is not None:
        one = two = f"{chance.seam}x"
    return "t" + str(chance.choice(("", "", "", one, two)))


def _group(chance: Chance) -> str:
    other = "g" + chance.names[2] if chance.seam is None else f"x{chance.seam}g"
    return chance.choice(("g", "g", other))


def _any_group(chance: Chance) -> str | None:
    return chance.choice((None, _group(chance)))


def _groups(chance: Chance) -> list[str]:
    """A group, and mostly another one."""
    return [_group(chance) for _ in range(3)]


def _key(chance: Chance) -> str | None:
    return chance.choice((None, "k", "k", "k" + chance.names[0], "k" + chance.names[2]))


def _id(chance: Chance) -> str:
    return "i" + chance.choice(("", *chance.names[:2]))


def _some(chance: Chance) -> list[tuple[str | None, str]]:
    return [(_key(chance), _id(chance)) for _ in range(chance.randint(2, 5))]


def _crowd(chance: Chance) -> list[tuple[str | None, str]]:
    """More than a page of anything."""
    return [(None, "")] * 120


def _named(chance: Chance) -> bool:
    return True


def _unnamed(chance: Chance) -> bool:
    return False


def _bringing(chance: Chance) -> tuple[Any, ...]:
    """What may bring a message to a group that waits for one."""
    which, group = chance.randrange(24), _group(chance)
    return chance.choice(
        (
            ("publish", _key(chance), b"now", ()),
            ("publish_later", _key(chance), b"later", (), 5.0),
            ("ack", group, which),
            ("kill", group, which, "on purpose"),
            ("nack", group, which, chance.choice((0.0, 5.0)), True),
            ("redrive", None, 0),
            ("replay", group, 0),
            ("extend", group, 5, 5.0),
        )
    )


def _delay(chance: Chance) -> float:
    """From half a second to a day, no decade oftener than another."""
    return round(10 ** chance.uniform(-0.3, 4.95), 1)


def _back(chance: Chance) -> float:
    return chance.choice((0.0, 0.0, 5.0, 7000.0, _delay(chance), _delay(chance)))


_WHICH = one_of(*range(24))
_LEASE: Any = one_of(5.9, 90.9, 3600.0, 3600.9, 200_000.0, 3_000_000.0)
_WOKEN_LEASE: Any = one_of(90.0, 700.0, 500_000.0)  # the last ends after all else
_MOST: Any = one_of(1, 1, 2, 3, 10)
_HEADER = one_of(*_HEADERS)

MESSAGING_SUBJECT = Twins(
    "messaging",
    {
        "publish": Verb(8, of(_room, _key, payload, _HEADER)),
        "publish_as": Verb(3, of(_room, _key, payload, _id), _DEDUPE),
        "publish_later": Verb(
            3,
            of(_room, _key, payload, _HEADER, one_of(0.0, 0.5, 5.9, 100.9, 4000.9, _WEEK)),
            frozenset({MessagingFeature.DELAYED}),
        ),
        "publish_later_as": Verb(
            1,
            of(_room, _key, payload, _HEADER, one_of(0.0, 5.0, 100.0, 4000.0), _id),
            frozenset({MessagingFeature.DELAYED}) | _DEDUPE,
        ),
        "reversed_later": Verb(
            0.6, of(_room, _group, _key, payload), frozenset({MessagingFeature.DELAYED})
        ),
        "crowd_later": Verb(
            0.2, of(_room, _key, payload, one_of(5.0, 60.0)), frozenset({MessagingFeature.DELAYED})
        ),
        "cancel": Verb(3, of(_room, _WHICH), frozenset({MessagingFeature.CANCEL})),
        "batch": Verb(2, of(_room, _some, payload, _unnamed), _BATCH),
        "batch_as": Verb(1, of(_room, _some, payload, _named), _BATCH | _DEDUPE),
        "crowd": Verb(0.1, of(_room, _crowd, payload, _unnamed), _BATCH),
        "subscribe": Verb(2, of(_room, _group)),
        "receive": Verb(12, of(_room, _group, _MOST, _LEASE, one_of(0.0, 0.0, 0.5))),
        "ack": Verb(5, of(_room, _group, _WHICH)),
        "nack": Verb(4, of(_room, _group, _WHICH, _back, flag)),
        "kill": Verb(3, of(_room, _group, _WHICH, one_of(*_REASONS))),
        "extend": Verb(2, of(_room, _group, one_of(1, 2, 5), _LEASE)),
        "toil": Verb(0.5, of(_room, _group, one_of(5.0, 90.0, 3600.0), one_of(2, 9))),
        "measure": Verb(2, of(_room, _group)),
        "letters": Verb(2, of(_room, _any_group, one_of(1, 2, 3, 100))),
        "letters_moving": Verb(1, of(_room, one_of(1, 2), one_of(0, 1))),
        "plague": Verb(
            0.5, of(_room, _groups, one_of(*_PLAGUES), payload, one_of(0, 1, 2), _any_group)
        ),
        "woken": Verb(2, of(_room, _group, _bringing, _WOKEN_LEASE, one_of(0.0, 30.0, 300.0))),
        "redrive": Verb(2, of(_room, _any_group, one_of(*range(6)))),
        "replay": Verb(
            2.5, of(_room, _group, one_of(*range(8))), frozenset({MessagingFeature.REPLAY})
        ),
        "wait": Verb(3, of(passing)),
        "approach": Verb(2, of(one_of(*range(6)))),
    },
    MessagingTwin,
    "payload_max_bytes",
    meeting=MESSAGING_MEETING,
    legion=("legion", LEGION),
    long=80,
)
