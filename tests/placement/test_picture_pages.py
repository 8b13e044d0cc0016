"""The page of a benchmark needs nothing but itself."""

from __future__ import annotations

import base64
import json
import re
import runpy
from pathlib import Path

PAGES = Path(__file__).parents[2] / "benchmarks" / "placement" / "_pages.py"


def test_a_page_holds_pictures_figures_and_origin_and_refers_to_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "B0-try.png"
    picture.write_bytes(b"\x89PNG not really")
    told = {
        "benchmark": "B0 <try>",
        "when": "2026-11-21T18:00:00Z",
        "commit": "abc",
        "machine": {"processors": 2},
        "options": {"seed": "7", "name": "<script>alert(1)</script>"},
        "data_sha256": {"trace.csv": "03e9"},
        "policies": {"a & b": {"left": 1.25}, "c": {"left": 2.5, "moves": 3}},
    }
    results = tmp_path / "B0-try.json"
    results.write_text(json.dumps(told))
    text = runpy.run_path(str(PAGES))["page"](results, [picture]).read_text()
    assert base64.b64encode(picture.read_bytes()).decode() in text
    assert all(one.startswith("data:image/png") for one in re.findall(r'src="([^"]*)"', text))
    assert not re.search(r"<script|<link|https?://", text)
    for said in ("B0 &lt;try&gt;", "a &amp; b", "1.25", "moves", "03e9", "abc"):
        assert said in text
