"""Random programs of secrets: which verbs, about which names, how often."""

from __future__ import annotations

from omnicloud.contracts.secrets import SecretsFeature
from omnicloud_tck.programs.chances import Chance, Verb, name, of, one_of
from omnicloud_tck.programs.draws import payload, prefix
from omnicloud_tck.programs.rushing import MANY
from omnicloud_tck.programs.spelling import any_name
from omnicloud_tck.programs.twins import Twins
from omnicloud_tck.subjects.secrets_meeting import SECRETS_MEETING
from omnicloud_tck.subjects.secrets_twin import SecretsTwin

__all__ = ["SECRETS_SUBJECT"]


def _value(chance: Chance) -> bytes:
    """One of the list's payloads; sometimes one that nobody may tell, in some coding."""
    if chance.random() < 0.5:
        return payload(chance)
    if "canary" not in chance.kept:
        chance.kept["canary"] = f"cnry-{chance.randrange(1 << 40):010x}"
    return f"{chance.kept['canary']}{chance.choice(('', ' ', '!'))}".encode()


_WHICH = one_of(*range(12))
_FORM = one_of(0, 0, 1, 2)
_SIZE = one_of(1, 2, 3, 1000)
_GRACE = one_of(0.0, 1.9, 900.0, 900.9, 7200.9, 90_000.0)
_REST = one_of(100.0, 500.0, 1000.0, 7000.0, 100_000.0, 31 * 86_400.0)
_PAUSE = one_of(0.0, 0.0, 100.0, 7000.0, 100_000.0)
_VERSIONS = frozenset({SecretsFeature.VERSIONS})
_WATCH = frozenset({SecretsFeature.WATCH})

SECRETS_SUBJECT = Twins(
    "secrets",
    {
        "get": Verb(5, of(name)),
        "set": Verb(6, of(name, _value, _FORM)),
        "many": Verb(0.3, of(name, one_of(3, 11, 23))),
        "delete": Verb(2, of(name)),
        "list": Verb(2, of(prefix, _SIZE)),
        "torn": Verb(1, of(_SIZE, name)),
        "rotate": Verb(4, of(name, _value, _GRACE), _VERSIONS),
        "previous": Verb(2, of(name), _VERSIONS),
        "get_version": Verb(3, of(name, _WHICH), _VERSIONS),
        "every_version": Verb(1, of(name), _VERSIONS),
        "get_gone": Verb(2, of(name, _WHICH), _VERSIONS),
        "get_others": Verb(1, of(name, name), _VERSIONS),
        "list_versions": Verb(3, of(name), _VERSIONS),
        "wait": Verb(1, of(name, _WHICH), _WATCH),
        "woken": Verb(1.5, of(name, one_of(0, 1, 2), one_of(b"woken", b"")), _WATCH),
        "every": Verb(0.6, of(any_name, _WHICH, _PAUSE)),
        "rush": Verb(0.12, of(name, one_of(*MANY))),
        "rest": Verb(1, of(_REST)),
    },
    SecretsTwin,
    meeting=SECRETS_MEETING,
)
