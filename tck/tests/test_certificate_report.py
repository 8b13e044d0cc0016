"""The page of a certificate: whole, harmless, and asking for nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from certificate_samples import certificate, plain
from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.report import page

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Which tags there are, and whether each that opens is closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def close(self) -> None:
        super().close()
        assert self._open == []


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    found.close()
    return found


def attacked() -> CertificateFile:
    """A certificate in which every free text is an attack."""
    whole = plain(certificate())
    whole["provider"] = dict.fromkeys(("name", "distribution", "version"), ATTACK)
    whole["versions"]["clients"] = {ATTACK: ATTACK}
    whole["environment"]["platform"] = ATTACK
    entry = whole["contracts"].pop("sagas")
    entry["backend"] = {"name": ATTACK, "version": ATTACK, "emulator": ATTACK}
    entry["features"] = [ATTACK]
    entry["limits"] = {ATTACK: 1}
    entry["capped_by"] = [ATTACK]
    for law in entry["laws"]:
        law.update(id=ATTACK, title=ATTACK, reason=ATTACK, missing=[ATTACK])
    whole["contracts"][ATTACK] = entry
    return CertificateFile.model_validate(whole)


def test_every_law_is_on_the_page_with_its_result() -> None:
    html = page(certificate())
    for law in certificate().contracts["sagas"].laws:
        assert law.id in html
    assert "certified up to trust" in html
    assert outline(html).ids == ["sagas"]


def test_no_text_of_a_certificate_becomes_markup() -> None:
    found = outline(page(attacked()))
    assert not {"script", "img", "iframe", "object", "link"} & set(found.tags)
    assert not [name for name in found.attributes if name.startswith("on") or name == "src"]
    assert "default-src 'none'" in page(attacked())


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    html = page(certificate())
    assert not re.search(r"https?://|url\(|@import|<link|src=", html)


def test_the_page_is_readable_in_light_and_dark_and_by_a_screen_reader() -> None:
    html = page(certificate())
    assert 'lang="en"' in html
    assert "prefers-color-scheme:dark" in html
    assert 'name="viewport"' in html
    found = outline(html)
    assert found.tags.count("h1") == 1
    assert "scope" in found.attributes
    assert {"main", "header", "section"} <= set(found.tags)
    assert "not reached" not in html
