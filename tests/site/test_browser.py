"""The board in a real browser: what readers do, and what hostile submissions try."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.core.resources import resource
from harness.ranking.comparison import compare
from tests.site.conftest import accessibility_problems, served

KINDS = {
    "index": "index.html",
    "compare": "compare.html",
    "audit": "audit.html",
    "rule": "rules/duplicate-traces",
    "help": "help.html",
    "verify": "verify.html",
    "benchmark": "benchmarks/resnet50-inference",
    "submitter": "submitters/simulatedelm",
    "result": "results/elm-pod-bert",
    "hostile": "results/onerror",
}
"""One page of each kind: its path, or the begin of it."""


def page_path(site: Path, kind: str) -> str:
    begin = KINDS[kind]
    if begin.endswith(".html"):
        return begin
    folder, _, name = begin.partition("/")
    (path,) = (site / folder).glob(f"*{name}*.html")
    return f"{folder}/{path.name}"


def result_name(site: Path, begin: str) -> str:
    (path,) = (site / "results").glob(f"{begin}*.html")
    return path.stem


@contextmanager
def opened(browser: Any, url: str, **options: Any) -> Iterator[Any]:
    """Open a page; a script error or a blocked resource fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    try:
        page.goto(url)
        yield page
        assert faults == []
    finally:
        context.close()


def visible_systems(page: Any) -> list[str]:
    names: list[str] = page.evaluate(
        "[...document.querySelectorAll('.board:not([hidden]) tbody tr:not([hidden])')]"
        ".map((row) => row.cells[1].querySelector('a').textContent)"
    )
    return names


def test_index_is_filtered_searched_sorted_and_linked(browser: Any, site: Path) -> None:
    with opened(browser, (site / "index.html").as_uri()) as page:
        everything = visible_systems(page)
        assert len(everything) == len(list((site / "results").glob("*.html")))
        # 1. A filter and a search leave what matches, and the address says so.
        page.select_option("[data-facet=benchmark]", "resnet50")
        assert visible_systems(page) == ["dogwood-9", "alder-2", "birch-x", "cedar-1"]
        page.fill("#q", "simulatedcedar")
        assert visible_systems(page) == ["cedar-1"]
        assert page.inner_text("#shown") == "1 shown"
        page.fill("#q", "no such system")
        assert page.is_visible("#nothing")
        page.fill("#q", "")
        # 2. Sorting: once up, twice down; those that are not ranked stay below.
        head = page.locator(".board:not([hidden]) thead th").nth(1)
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        ranked = page.locator(".board:not([hidden]) tbody").first.locator("tr a")
        ascending = ranked.all_inner_texts()
        assert ascending == sorted(ascending)
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        assert ranked.all_inner_texts() == ascending[::-1]
        interval = page.locator(".board:not([hidden]) thead th").nth(3)
        interval.locator("button").click()
        assert interval.get_attribute("aria-sort") == "ascending"
        assert ranked.all_inner_texts() == ["dogwood-9", "alder-2", "birch-x", "cedar-1"]
        assert "lower end" in (interval.locator("button").get_attribute("title") or "")
        head.locator("button").click()
        head.locator("button").click()
        # 3. Ties: the two that the simulator made alike.
        page.locator("tr", has_text="alder-2").locator(".rank").click()
        assert page.locator("tr.tied").all_inner_texts()[0].count("birch-x") == 1
        assert page.locator("tr.tied").count() == 1
        # 4. CO2e at the reader's intensity: 13.53 mJ at 360 g/kWh are 1.353 µg.
        page.fill("#intensity", "360")
        row = page.locator("tr", has_text="alder-2")
        assert row.locator(".co2e").inner_text() == "1.35"
        assert "µg" in page.locator(".board:not([hidden]) th.co2e").inner_text()
        # 5. The link shows all of it.
        link = page.url
    with opened(browser, link) as page:
        assert set(visible_systems(page)) == {"dogwood-9", "alder-2", "birch-x", "cedar-1"}
        assert page.locator(".board:not([hidden]) th[aria-sort=descending]").count() == 1
        assert page.locator("tr.tied").count() == 1
        assert page.locator("tr", has_text="alder-2").locator(".co2e").inner_text() == "1.35"
        page.click("button[type=reset]")
        assert visible_systems(page) == everything
        assert page.url == (site / "index.html").as_uri()


def visible_findings(page: Any) -> list[str]:
    """Return their texts; what is far below the screen is not drawn, and has no inner text."""
    found = page.locator("li.entry li[data-r]:visible").all_text_contents()
    return [" ".join(text.split()) for text in found]


def test_audit_is_filtered_and_each_finding_leads_to_its_place(browser: Any, site: Path) -> None:
    address = (site / "audit.html").as_uri()
    with opened(browser, address) as page:
        everything = visible_findings(page)
        assert everything[0].startswith("fail")
        # 1. Each filter leaves what matches, and the address says so.
        page.select_option("[data-facet=severity]", "fail")
        failed = visible_findings(page)
        assert failed
        assert all(text.startswith("fail") for text in failed)
        page.select_option("[data-facet=submitter]", "SimulatedElm")
        assert len(visible_findings(page)) == 1
        assert page.inner_text("#shown") == "1 shown"
        page.fill("#q", "no such text")
        assert page.is_visible("#nothing")
        page.click("#nothing button")
        assert visible_findings(page) == everything
        assert page.url == address
        page.select_option("[data-facet=rule]", "largest-gap")
        page.fill("#q", "dogwood")
        link = page.url
    # 2. The link shows the same; from there a finding leads to its place in the trace.
    with opened(browser, link) as page:
        (text,) = visible_findings(page)
        assert "16.998 s without a reading" in text
        page.click("li.entry .in-trace:visible")
        page.locator(".explorer .mark.lit .place").wait_for()
    # 3. Without scripts a rule leads to its entries by its own page, and they to their traces.
    with opened(browser, address, java_script_enabled=False) as page:
        assert visible_findings(page) == everything
        page.click("text=No long gap between readings")
        assert "/rules/largest-gap.html" in page.url
        page.click("text=dogwood-9")
        assert page.locator("#finding-1:target").is_visible()


def test_browser_recomputes_every_entry_to_twelve_digits(browser: Any, site: Path) -> None:
    names = [path.stem for path in (site / "results").glob("*.html")]
    script = """async (names) => {
      const out = {};
      for (const name of names) {
        const { header } = await joulemark.evidence(name);
        const started = performance.now();
        const { energy, perUnit, runs } = joulemark.energy.recompute(header);
        out[name] = { energy, perUnit, ms: performance.now() - started,
          runs: runs.map((run) => run && run.energy) };
      }
      return out;
    }"""
    with opened(browser, (site / f"results/{names[0]}.html").as_uri()) as page:
        recomputed = page.evaluate(script, names)
    for name, again in recomputed.items():
        document = json.loads((site / f"results/{name}.json").read_text("utf-8"))
        (result,) = document["entries"]
        assert again["energy"] == pytest.approx(result["energy"]["value"], rel=1e-12)
        assert again["perUnit"] == pytest.approx(result["energy_per_unit"]["value"], rel=1e-12)
        runs_j = [run["energy_j"] for run in result["runs"]]
        assert again["runs"] == pytest.approx(runs_j, rel=1e-12)
        assert again["ms"] < 10_000  # a bound for broken loops; the speed is in benchmarks


def test_result_proves_itself_from_the_readings_to_the_signature(browser: Any, site: Path) -> None:
    name = result_name(site, "2-core-vm-digits")
    with opened(browser, (site / f"results/{name}.html").as_uri()) as page:
        page.click("#recompute")
        page.wait_for_selector("#proof-result[data-faults]")
        text = page.inner_text("#proof-result")
        assert "All checks hold." in text
        assert "The records of 5 runs name these readings" in text
        assert "The signature of joulemark" in text
        page.click("#explore")
        page.wait_for_selector(".explorer svg polyline")
        drawn = page.locator(".explorer polyline").count()
        page.locator(".explorer svg").focus()
        before = page.locator(".explorer polyline").first.get_attribute("points")
        page.keyboard.press("+")
        assert page.locator(".explorer polyline").first.get_attribute("points") != before
        page.locator(".explorer input").first.uncheck()
        assert page.locator(".explorer polyline").count() == drawn - 1
        with page.expect_download() as download:
            page.click("text=Readings as CSV")
        rows = Path(download.value.path()).read_text("utf-8").splitlines()
        assert rows[0] == "run,channel,kind,t_ns,value"
        assert len(rows) == 1 + 1461


def test_finding_leads_to_its_place_in_the_trace(browser: Any, site: Path) -> None:
    address = (site / f"results/{result_name(site, 'dogwood-9')}.html").as_uri()
    # 1. Without scripts: a mark in the picture, and links between it and the finding.
    with opened(browser, address, java_script_enabled=False) as page:
        page.click("#finding-1 .in-trace")
        assert page.url.endswith("#mark-1")
        assert page.locator("#mark-1:target .place").count() == 1
        page.click(".marks a")
        assert page.locator("#finding-1:target").is_visible()
    # 2. With scripts: the lines that it is about, zoomed to the place.
    with opened(browser, address) as page:
        page.click("#finding-1 .in-trace")
        place = page.locator(".explorer .mark.lit .place")
        place.wait_for()
        plot_px, place_px = (
            item.evaluate("(node) => node.getBoundingClientRect().width")
            for item in (page.locator(".explorer svg.plot"), place)
        )
        assert 0.05 < place_px / plot_px < 0.5


def test_readings_download_as_parquet(browser: Any, site: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'joulemark[parquet]'")
    name = result_name(site, "elm-pod")
    with opened(browser, (site / f"results/{name}.html").as_uri()) as page:
        files = []
        for text in ("Readings as Parquet", "Readings as CSV"):
            with page.expect_download() as download:
                page.click(f"text={text}")
            files.append(Path(download.value.path()).read_bytes())
    table = parquet.read_table(io.BytesIO(files[0]))
    columns = table.set_column(3, "t_ns", table["t_ns"].cast("int64")).to_pydict()
    rows = list(zip(*columns.values(), strict=True))
    stated = list(csv.reader(io.StringIO(files[1].decode())))
    assert list(columns) == stated[0]
    assert rows == [(*row[:3], int(row[3]), float(row[4])) for row in stated[1:]]


def flip(path: Path, position: int) -> None:
    """Change one bit of a file; a second call restores it."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_fail_any_flipped_byte_shows(browser: Any, site: Path, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    name = result_name(site, "2-core-vm-digits")
    evidence = copy / f"evidence/{name}.js"
    with opened(browser, (site / f"results/{name}.html").as_uri()) as page:
        header = "async (name) => (await joulemark.evidence(name)).header.signed"
        signed = copy / f"evidence/{page.evaluate(header, name)}.js"
    readings, manifest = evidence.stat().st_size // 2, signed.stat().st_size // 3
    flips = [
        (copy / "index.html", 4000),
        (copy / f"results/{name}.html", 5000),
        (copy / f"results/{name}.json", 300),
        (copy / "assets/board.css", 100),
        (evidence, readings),
        (signed, manifest),
    ]
    # 1. Over HTTP, the page that verifies names each file.
    with served(copy) as address, opened(browser, f"{address}verify.html") as page:

        def faults() -> list[str]:
            page.evaluate("delete document.getElementById('report').dataset.faults")
            page.click("#check")
            page.wait_for_selector("#report[data-faults]")
            texts: list[str] = page.locator("#report li").all_inner_texts()
            return texts

        assert faults() == []
        for path, position in flips:
            flip(path, position)
        names = [path.relative_to(copy).as_posix() for path, _ in flips]
        assert sorted(faults()) == sorted(f"{name}: has other bytes" for name in names)
    # 2. From a disk, the page of the result sees changed readings, and a changed manifest.
    for path, position in flips:
        flip(path, position)
    page = browser.new_page()
    for path, position in ((evidence, readings), (signed, manifest)):
        flip(path, position)
        page.goto((copy / f"results/{name}.html").as_uri())
        page.click("#recompute")
        page.wait_for_selector("#proof-result[data-faults]")
        assert int(page.get_attribute("#proof-result", "data-faults")) > 0
        flip(path, position)
    # 3. So it does where the tree itself was changed.
    flip(copy / "tree.js", 200)
    page.reload()
    page.click("#recompute")
    page.wait_for_selector("#proof-result[data-faults]")
    assert int(page.get_attribute("#proof-result", "data-faults")) > 0
    page.close()


def test_compare_draws_what_python_draws(browser: Any, site: Path) -> None:
    tree = api.read(resource("submissions") / "lab-2026")
    results = {result.entry.system: result for result in api.score(tree)}
    names = [result_name(site, system) for system in ("alder-2", "cedar-1", "alder-pod-bert")]
    expected = compare(results["alder-2"], results["cedar-1"])
    with opened(browser, (site / "compare.html").as_uri()) as page:
        script = """async ([a, b]) => joulemark.compare.compare(
          (await joulemark.evidence(a)).header, (await joulemark.evidence(b)).header)"""
        drawn = page.evaluate(script, names[:2])
        assert drawn["verdict"] == expected.verdict == "better"
        width = expected.ratio.high - expected.ratio.low
        assert drawn["ratio"] == pytest.approx(expected.ratio.value, abs=0.01 * width)
        assert drawn["low"] == pytest.approx(expected.ratio.low, abs=0.03 * width)
        assert drawn["high"] == pytest.approx(expected.ratio.high, abs=0.03 * width)
        assert drawn["better"] == pytest.approx(expected.p_a_better, abs=1e-3)
        # two results of one id, as two folders of one name have, are drawn apart as well
        alike = page.evaluate(
            """async ([a, b]) => {
              const [first, second] = await Promise.all([a, b].map(async (name) => {
                const { header } = await joulemark.evidence(name);
                return { ...header, budget: { ...header.budget, id: "time-to-train" } };
              }));
              return joulemark.compare.compare(first, second);
            }""",
            names[:2],
        )
        assert [alike["low"], alike["high"]] == pytest.approx(
            [expected.ratio.low, expected.ratio.high], abs=0.03 * width
        )
        # the same pair through the form, and one that cannot be compared
        for slot, name in enumerate(names):
            page.fill(f"[data-slot='{slot}']", name)
        page.click("#choose button")
        page.wait_for_selector("#comparison[data-done]")
        assert page.url.endswith("#" + ",".join(names))
        sentences = page.locator(".sentence").all_inner_texts()
        assert sentences[0].startswith("A needs 17.2 % less energy than B: ratio 0.828")
        assert sentences[1] == "A and C cannot be compared."


def test_no_hostile_text_runs_and_no_request_leaves_the_site(browser: Any, site: Path) -> None:
    with served(site) as address:
        _check_hostile(browser, site, address)


def _check_hostile(browser: Any, site: Path, address: str) -> None:
    requests: list[str] = []
    context = browser.new_context()
    context.on("request", lambda request: requests.append(request.url))
    page = context.new_page()
    for kind in KINDS:
        page.goto(address + page_path(site, kind))
        assert page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
    page.goto(address + "index.html")
    page.fill("#q", "onerror")
    assert page.evaluate("window.hacked") is None
    name = page_path(site, "hostile").removeprefix("results/").removesuffix(".html")
    page.goto(address + f"compare.html#{name},{name}")
    page.wait_for_selector("#comparison[data-done]")
    assert "onerror" in page.inner_text("#comparison")
    page.goto(address + f"results/{name}.html")
    page.click("#recompute")
    page.wait_for_selector("#proof-result[data-faults='0']")
    page.click("#explore")
    page.wait_for_selector(".explorer")
    assert "{{ 7 * 7 }}" in page.content()
    assert page.evaluate("window.hacked") is None
    context.close()
    assert requests
    assert [url for url in requests if not url.startswith(address)] == []


def test_site_reads_without_scripts_and_works_by_keyboard_alone(browser: Any, site: Path) -> None:
    with opened(browser, (site / "index.html").as_uri(), java_script_enabled=False) as page:
        assert "alder-2" in page.inner_text("main")
        assert "13.53" in page.inner_text("main")
        assert not page.is_visible("#filters")
        assert page.locator("button:visible").count() == 0
        page.click("text=elm-pod")
        assert "No trace is a copy of another" in page.inner_text("main")
        assert page.locator("button:visible").count() == 0
    with opened(browser, (site / "index.html").as_uri()) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        page.focus("#q")
        page.keyboard.type("alder-2")
        page.focus(".board:not([hidden]) .sorter")
        page.keyboard.press("Enter")
        assert page.locator(".board:not([hidden]) th[aria-sort=ascending]").count() == 1
        page.focus(".board:not([hidden]) tr:not([hidden]) .rank")
        page.keyboard.press("Space")
        assert page.locator("tr.chosen").count() == 1
        page.focus(".board:not([hidden]) tr:not([hidden]) a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/results/alder-2*")


def test_each_page_fits_and_is_accessible_in_both_themes(browser: Any, site: Path) -> None:
    a, b = (result_name(site, system) for system in ("alder-2", "birch-x"))
    for width, scheme in ((1280, "light"), (390, "dark")):
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
        )
        page = context.new_page()
        for kind in KINDS if scheme == "light" else ("index", "compare", "result", "submitter"):
            page.goto((site / page_path(site, kind)).as_uri())
            if kind == "compare":
                page.goto(f"{page.url}#{a},{b}")
                page.reload()
                page.wait_for_selector("#comparison[data-done]")
            if kind == "result":
                page.click("#recompute")
                page.wait_for_selector("#proof-result[data-faults]")
                page.click("#explore")
                page.wait_for_selector(".explorer")
            if kind == "index" and width == 390:
                # rank, system, energy and verdict, without scrolling sideways
                cells = page.locator("tr", has_text="alder-2").locator("td:visible")
                boxes = [cell.bounding_box() for cell in cells.all()]
                assert len(boxes) == 4
                assert all(0 <= box["x"] <= box["x"] + box["width"] <= 390 for box in boxes)
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, (kind, width)
            assert accessibility_problems(page) == [], (kind, width, scheme)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != background
        page.goto((site / "help.html").as_uri())  # the choice stays
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != background
        context.close()
