"""Where to get a provider that is not installed."""

from __future__ import annotations

__all__ = ["how_to_install", "known_names"]

_EXTRAS = {"local": '"omnicloud[local]"'}
_DISTRIBUTIONS = {
    name: f"omnicloud-{name}"
    for name in (
        "aws",
        "azure",
        "barbican",
        "cedar",
        "docker",
        "etcd",
        "gcs",
        "nats",
        "postgres",
        "process",
        "rabbitmq",
        "redis",
        "s3",
        "sops",
    )
}


def how_to_install(provider: str) -> str | None:
    """The command that installs a provider; ``None`` for one that we do not know."""
    target = _EXTRAS.get(provider) or _DISTRIBUTIONS.get(provider)
    return f"pip install {target}" if target else None


def known_names() -> frozenset[str]:
    """The providers whose distribution is known."""
    return frozenset(_EXTRAS) | frozenset(_DISTRIBUTIONS)
