"""The tables of options on the providers' pages say what the providers' settings are."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from omnicloud import errors
from omnicloud.config.load import ENVELOPE
from omnicloud.registry.discovery import Registry
from omnicloud.registry.provider import load

PROVIDERS = Path(__file__).parents[2] / "docs" / "providers"
PAGES = sorted(page.stem for page in PROVIDERS.glob("*.md") if page.stem != "index")
UNITS = {"s": 1, "MiB": 1 << 20}
QUANTITY = re.compile(r"([\d,.]+)(?: (\w+))?")


def rows(page: str, first: str) -> list[list[str]]:
    """The rows of the page's table whose head begins with ``first``."""
    text = (PROVIDERS / f"{page}.md").read_text()
    found = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    lines = found[1].splitlines() if found else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@cache
def settings(page: str) -> dict[str, FieldInfo]:
    model = load(Registry.discover().providers[page].provider.config)
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model.model_fields


def options(page: str) -> list[tuple[str, str]]:
    """Each option of the table with the text of its default."""
    told = []
    for cells in rows(page, "option"):
        names, default = re.findall(r"`(\w+)`", cells[0]), cells[1]
        several = default.split(", ")
        each = several if len(several) == len(names) > 1 else [default] * len(names)
        told += list(zip(names, each, strict=True))
    return told


def said(default: str) -> object:
    """What a default's text means: a value, nothing at all, or words that say where from."""
    if default == "":
        return PydanticUndefined
    if len(parts := default.split("`")) == 3 and parts[0] == parts[2] == "":
        try:
            return json.loads(parts[1])
        except ValueError:
            return parts[1]
    if default in ("true", "false"):
        return default == "true"
    quantity = QUANTITY.fullmatch(default)
    if quantity is None:
        return None
    return float(quantity[1].replace(",", "")) * UNITS.get(quantity[2], 1)


def meant(field: FieldInfo) -> object:
    """A setting's default as a table can say it."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple | frozenset) else value


@pytest.mark.parametrize("page", PAGES)
def test_a_page_tells_each_option_of_its_provider_once_and_no_other(page: str) -> None:
    assert sorted(name for name, _ in options(page)) == sorted(settings(page))


@pytest.mark.parametrize("page", PAGES)
def test_no_option_has_the_name_of_what_every_service_has_itself(page: str) -> None:
    assert not (ENVELOPE - {"region"}) & set(settings(page))  # a region is given to both


@pytest.mark.parametrize("page", PAGES)
def test_a_page_tells_the_defaults_of_its_provider(page: str) -> None:
    fields = settings(page)
    for name, default in options(page):
        told = said(default)
        if told is None:  # where it comes from instead, in words
            assert not meant(fields[name]), f"{page}: {name}: {default}"
        else:
            assert told == meant(fields[name]), f"{page}: {name}: {default}"


@pytest.mark.parametrize("page", PAGES)
def test_the_errors_that_a_page_tells_exist_and_say_the_same_of_the_request(page: str) -> None:
    for _, names, request in rows(page, r"what happened \| error"):
        for name in re.findall(r"`(\w+Error)`", names):
            kind = getattr(errors, name)
            sure = kind.default_outcome is errors.Outcome.NOT_DONE
            known = request.startswith(("not done", "answered" if sure else "unknown"))
            assert known or (sure and not request), f"{page}: {name}"
