"""What is kept beside an object in the metadata of a store that takes plain names and values only.

Metadata of ours is any text, its case kept; that of many stores is HTTP headers. What a store
takes goes as it is, so that other programs read it; the rest is packed under one name.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from omnicloud.contracts.objects.models import Metadata
from omnicloud.errors import CorruptedError, InvalidArgumentError

__all__ = ["Beside", "Facts"]

_PLAIN_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is kept of an object besides its content and its content type.

    Attributes:
        metadata: The caller's.
        checksum: ``"sha256:"`` and hex; ``None`` where it is not known.
        rest: What of the key has no room in its stored form.
    """

    metadata: Metadata = ()
    checksum: str | None = None
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """How facts become a store's metadata, and back.

    Attributes:
        mark: What the names of ours start with.
        plain: A whole name that the store takes and keeps as it is.
        most_bytes: Of all names and values together.
    """

    mark: str
    plain: re.Pattern[str]
    most_bytes: int

    def packed(self, facts: Facts) -> dict[str, str]:
        """The metadata that keeps them.

        Raises:
            InvalidArgumentError: It is more than the store keeps.
        """
        kept: dict[str, str] = {}
        if facts.checksum is not None:
            kept[f"{self.mark}sha256"] = facts.checksum.removeprefix("sha256:")
        if facts.rest:
            kept[f"{self.mark}rest"] = _packed(facts.rest)
        odd = {name: value for name, value in facts.metadata if not self._is_plain(name, value)}
        kept |= {name: value for name, value in facts.metadata if name not in odd}
        if odd:
            text = json.dumps(odd, ensure_ascii=False, separators=(",", ":"))
            kept[f"{self.mark}more"] = _packed(text)
        self._check(kept)
        return kept

    def unpacked(self, kept: Mapping[str, str]) -> Facts:
        """The facts that a store's metadata keeps.

        Raises:
            CorruptedError: It is not what was written.
        """
        found = {name: text for name, text in kept.items() if not name.startswith(self.mark)}
        digest, rest, more = (kept.get(self.mark + name) for name in ("sha256", "rest", "more"))
        if more is not None:
            try:
                found |= json.loads(_unpacked(more))
            except (ValueError, TypeError) as error:
                raise CorruptedError(
                    "the metadata of the object is not what was written"
                ) from error
        return Facts(
            tuple(found.items()),
            None if digest is None else f"sha256:{digest}",
            "" if rest is None else _unpacked(rest),
        )

    def _is_plain(self, name: str, value: str) -> bool:
        return (
            self.plain.fullmatch(name) is not None
            and not name.startswith(self.mark)
            and _PLAIN_VALUE.fullmatch(value) is not None
            and "  " not in value
        )

    def _check(self, kept: Mapping[str, str]) -> None:
        size = sum(len(name) + len(value) for name, value in kept.items())
        if size > self.most_bytes:
            raise InvalidArgumentError(
                f"key and metadata need {size} bytes beside the object, the service keeps "
                f"{self.most_bytes}",
                hint="shorten the key, or the metadata: what is not ASCII takes more",
            )


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _unpacked(packed: str) -> str:
    try:
        return base64.b64decode(packed, validate=True).decode()
    except ValueError as error:
        raise CorruptedError("what is kept beside the object is not what was written") from error
