"""Finding providers: what is brought, what is left out and why."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from omnicloud.registry.discovery import Registry
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.known import how_to_install
from omnicloud.registry.provider import Offer, Provider


def plugin(*providers: object) -> object:
    class Plugin:
        @hookimpl
        def omnicloud_providers(self) -> list[object]:
            return list(providers)

    return Plugin()


def provider(name: str) -> Provider:
    return Provider(name, "pydantic:BaseModel", {"kv": Offer("a:b", frozenset())})


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path in which distributions can be put."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("thirdparty_"):
            del sys.modules[name]


def distribution(folder: Path, name: str, code: str, entry: str | None = None) -> None:
    module = f"thirdparty_{name}"
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: third-{name}\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(f"[omnicloud.providers]\n{entry or name} = {module}\n")


CODE = """
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider

@hookimpl
def omnicloud_providers():
    return [Provider("{name}", "pydantic:BaseModel", {{"kv": Offer("a:b", frozenset())}})]
"""


def test_the_installed_ones_are_found_with_their_distribution(third_party: Path) -> None:
    distribution(third_party, "good", CODE.format(name="good"))
    registry = Registry.discover()
    assert registry.providers["memory"].distribution == "omnicloud"
    assert registry.providers["good"].title == "third-good 1.2.3"


def test_a_plugin_that_cannot_be_imported_is_told_and_stops_no_other(third_party: Path) -> None:
    distribution(third_party, "bad", "import thirdparty_sdk_that_is_absent\n")
    distribution(third_party, "good", CODE.format(name="good"))
    registry = Registry.discover()
    assert "good" in registry.providers
    failure = registry.failure("bad")
    assert failure is not None
    assert failure.distribution == "third-bad"
    assert "ModuleNotFoundError" in failure.reason
    assert isinstance(failure.cause, ModuleNotFoundError)


def test_two_distributions_that_bring_one_name_are_both_refused(third_party: Path) -> None:
    distribution(third_party, "one", CODE.format(name="same"))
    distribution(third_party, "two", CODE.format(name="same"))
    registry = Registry.discover()
    assert "same" not in registry.providers
    failure = registry.failure("same")
    assert failure is not None
    assert "third-one 1.2.3 and third-two 1.2.3" in failure.reason
    settled = Registry.discover(blocked=["two"])
    assert settled.providers["same"].distribution == "third-one"


def test_a_blocked_plugin_is_not_even_imported(third_party: Path) -> None:
    distribution(third_party, "blocked", "raise SystemExit('imported')\n")
    registry = Registry.discover(blocked=["blocked", "memory"])
    assert "memory" not in registry.providers
    assert registry.failure("blocked") is None
    assert "thirdparty_blocked" not in sys.modules


class _Misspelt:
    @hookimpl
    def omnicloud_provider(self) -> list[Provider]:
        return []


class _Raises:
    @hookimpl
    def omnicloud_providers(self) -> list[Provider]:
        raise RuntimeError("no SDK")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (_Misspelt(), "unknown hook"),
        (_Raises(), "RuntimeError: no SDK"),
        (object(), "no @hookimpl"),
        (plugin("redis"), "gave a str, not a Provider"),
        (plugin(Provider("x", "no_colon", {})), "config='module:Model'"),
        (plugin(Provider("x", "a:b", {"kv": Offer("no_colon", frozenset())})), "offer of kv"),
    ],
)
def test_a_wrong_plugin_is_left_out_with_the_reason(bad: object, words: str) -> None:
    registry = Registry.of(bad, plugin(provider("good")))
    assert list(registry.providers) == ["good"]
    assert words in str(registry.failures[0])


def test_a_registry_without_some_providers_knows_they_are_blocked() -> None:
    registry = Registry.of(plugin(provider("a"), provider("b"))).without({"a"})
    assert list(registry.providers) == ["b"]
    assert registry.blocked == {"a"}


def test_the_entry_point_of_the_core_is_the_memory_provider() -> None:
    where = "omnicloud.registry.builtin"
    loaded = EntryPoint("memory", where, "omnicloud.providers").load()
    assert list(Registry.of(loaded).providers) == ["memory"]


def test_how_to_get_what_is_not_installed() -> None:
    assert how_to_install("redis") == "pip install omnicloud-redis"
    assert how_to_install("local") == 'pip install "omnicloud[local]"'
    assert how_to_install("unheard-of") is None
