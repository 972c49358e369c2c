"""The files of a site, without a browser."""

from __future__ import annotations

import base64
import json
import re
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from harness import api
from harness.core.errors import MissingExtraError, UsageError
from harness.core.resources import resource
from harness.core.schemas import check
from harness.site.evidence import PREFIX, SUFFIX
from harness.site.names import file_name, unique_names
from harness.site.server import serving
from harness.site.templates import environment


class Page(HTMLParser):
    """Collects links, anchors and scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.inline_scripts = 0
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.handlers += [name for name in values if name.startswith("on") or name == "style"]
        self.links += [values[name] or "" for name in ("href", "src") if name in values]
        if values.get("id"):
            self.anchors.add(values["id"] or "")
        if tag == "script" and "src" not in values:
            self.inline_scripts += 1


def test_every_link_leads_somewhere_and_nothing_is_inline(site: Path) -> None:
    pages = {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    assert len(pages) > 20
    for path, page in pages.items():
        assert page.inline_scripts == 1, path  # the theme, by its hash
        assert page.handlers == [], path
        for link in page.links:
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), (path, link)
            if name.endswith("compare.html"):
                named = anchor.split(",") if anchor else []
                assert all((site / f"evidence/{part}.js").is_file() for part in named)
            elif "=" in anchor:  # filters of the index and of the audit
                assert target in (site / "index.html", site / "audit.html")
                assert f'data-facet="{anchor.partition("=")[0]}"' in target.read_text("utf-8")
            elif anchor:
                assert anchor in pages[target].anchors, (path, link)


def test_policy_allows_the_own_files_only(site: Path) -> None:
    text = (site / "index.html").read_text("utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'self' 'sha256-[\w+/=]+';", policy)
    assert "unsafe" not in policy


def test_json_of_a_result_is_that_of_score(site: Path) -> None:
    for path in (site / "results").glob("*.json"):
        document = json.loads(path.read_text("utf-8"))
        check("result", document, where=str(path))


def test_evidence_holds_the_readings_bit_by_bit(site: Path) -> None:
    tree = api.read(resource("submissions") / "lab-2026")
    entry = next(item for item in tree.entries if item.system == "elm-pod")
    (path,) = (site / "evidence").glob("elm-pod*.js")
    script = path.read_bytes()
    content = zlib.decompress(base64.b64decode(script[len(PREFIX) : -len(SUFFIX)]))
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    at = 4 + length
    assert at % 8 == 0
    assert [run["id"] for run in header["runs"]] == [run.id for run in entry.runs]
    for run, stated in zip(entry.runs, header["runs"], strict=True):
        for trace, channel in zip(run.outer, stated["channels"], strict=True):
            size = 8 * channel["readings"]
            t_ns = np.frombuffer(content[at : at + size], "<i8")
            value = np.frombuffer(content[at + size : at + 2 * size], "<f8")
            at += 2 * size
            assert np.array_equal(t_ns, trace.t_ns)
            assert np.array_equal(value, trace.value)
            assert channel["content_sha256"] == trace.content_sha256
    assert at == len(content)


def test_same_input_gives_the_same_files(tmp_path: Path) -> None:
    source = resource("submissions") / "joulemark-2026"
    roots = {api.board(source, tmp_path / name).root for name in ("first", "second")}
    assert len(roots) == 1


def test_file_names_are_harmless_short_and_unique() -> None:
    name = file_name("../../<b>Über</b>\n" + 200 * "x", "some id")
    assert re.fullmatch(r"[a-z0-9-]{1,60}", name)
    assert file_name("same", "a") != file_name("same", "b")
    assert re.fullmatch(r"[0-9a-f]{6}", file_name("日本"))
    assert unique_names(["a", "b", "a", "a"]) == ["a", "b", "a-2", "a-3"]


def test_fail_serving_what_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no board"), serving(tmp_path):
        pass


def test_fail_without_jinja_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"joulemark\[board\]"):
        api.board(resource("submissions") / "joulemark-2026", tmp_path / "site")
    assert not (tmp_path / "site").exists()
