"""When a life ends, as far as those outside the provider can know."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud_tck.check import that
from omnicloud_tck.programs.model import Span, Unclear

__all__ = ["Life", "alive", "check_left", "life_of"]

_TENTH = 0.1


@dataclass(frozen=True, slots=True)
class Life:
    """A life that ends between two moments of the monotonic clock."""

    first: float
    last: float


def life_of(ttl: float | None, span: Span) -> Life | None:
    """The life that was given by a write, ``None`` for ever."""
    return None if ttl is None else Life(span.sent + ttl, span.told + ttl)


def alive(life: Life | None, span: Span) -> bool:
    """Whether a life goes on.

    Raises:
        Unclear: It ends just now.
    """
    if life is None or span.told < life.first - _TENTH:
        return True
    if span.sent < life.last + _TENTH:
        raise Unclear
    return False


def check_left(life: Life | None, left: object, span: Span, about: str) -> None:
    """Break unless ``left`` is what is left of a life, in seconds."""
    if life is None:
        that(left is None, f"{about}: it lives for ever, and has {left!r} s left")
        return
    least, most = life.first - span.told - span.slack, life.last - span.sent + span.slack
    good = isinstance(left, float | int) and least <= left <= most
    that(good, f"{about}: {most:.2f} s are left of its life, it has {left!r}")
