"""What the configuration says of calls reaches the layers."""

from omnicloud.config.load import load
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.layers.order import LayerSettings
from omnicloud.registry import builtin
from omnicloud.registry.discovery import Registry
from omnicloud.resolver.layering import layers_of, settings_of
from omnicloud.resolver.plan import Plan
from omnicloud.resolver.planner import make_plan


def plan(**sections: object) -> Plan:
    service = {
        "contract": "kv",
        "provider": "memory",
        "timeout": 7,
        "tenant": "acme",
        "retry": {"attempts": 2},
    }
    return make_plan(load({"services": {"a": service}, **sections}), Registry.of(builtin))


def test_a_service_wins_over_the_defaults_and_these_over_those_of_the_layers() -> None:
    defaults = {
        "timeout": 50,
        "attempt_timeout": 3,
        "retry": {"attempts": 9, "backoff": 0.5, "max_backoff": 8},
        "breaker": {"failures": 2, "reset": 4},
        "limits": {"concurrency": 5, "queue": 0, "rate": 10, "burst": 3},
    }
    made = plan(defaults=defaults)
    assert settings_of(made.services[0], frozenset({"metrics"})) == LayerSettings(
        disabled=frozenset({"metrics"}),
        tenant="acme",
        timeout=7,
        attempt_timeout=3,
        attempts=2,
        backoff=0.5,
        max_backoff=8,
        failures=2,
        reset=4,
        concurrency=5,
        queue=0,
        rate=10,
        burst=3,
    )


def test_what_nobody_says_is_left_to_the_layers() -> None:
    settings = settings_of(plan().services[0], frozenset())
    assert settings.attempt_timeout == LayerSettings().attempt_timeout
    assert settings.concurrency == LayerSettings().concurrency


def test_a_disabled_layer_is_left_out() -> None:
    made = plan(layers={"disable": ["retry"]})
    every = layers_of(made.services[0], frozenset(), SYSTEM_CLOCK)
    fewer = layers_of(made.services[0], made.disabled, SYSTEM_CLOCK)
    names = [type(layer).__name__ for layer in every]
    assert "RetryLayer" in names
    assert [type(layer).__name__ for layer in fewer] == [n for n in names if n != "RetryLayer"]
