"""The size and the speed of a board: `python -m benchmarks.board [--entries 2449]`.

Makes a tree of so many results with made-up readings, builds its board and its leaderboard, and
opens the index in Chromium. Prints each figure beside its bar; a missed one prints NO.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness import api
from harness.core.timestamps import NS, to_iso

BENCHMARKS = ("resnet50", "bert-99", "gptj-99", "llama2-70b-99", "dlrm-v2-99", "retinanet")
SCENARIOS = ("Offline", "Server", "SingleStream", "MultiStream")
ACCELERATORS = ("A100-SXM-80GB", "H100-SXM-80GB", "AIC100", "Gaudi2", "T4", "L40S")
SUBMITTERS = 20
READINGS = 600
START_NS = 1_700_000_000 * NS
PAINTS, REPEATS = 5, 7


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board", description=__doc__)
    parser.add_argument("--entries", type=int, default=2449)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory(prefix="joulemark-board-") as folder:
        tree, out = Path(folder, "tree"), Path(folder, "site")
        for number in range(entries):
            _write_entry(tree, number)
        is_good = True
        for name, value, bar, unit in (*_build_figures(tree, out), *_browser_figures(out)):
            holds = value <= bar
            is_good &= holds
            print(f"{name:40} {value:10,.3f} {unit:3} bar {bar:,} {'yes' if holds else 'NO'}")
    return 0 if is_good else 1


def _write_entry(tree: Path, number: int) -> None:
    """Write one result: three runs for every third, otherwise one."""
    random = np.random.default_rng(number)
    submitter = f"Submitter-{number % SUBMITTERS}"
    accelerator = ACCELERATORS[number % len(ACCELERATORS)]
    system = f"{submitter}_R{number}-{accelerator}x{2 ** (number % 4)}_MaxQ"
    benchmark = BENCHMARKS[number % len(BENCHMARKS)]
    scenario = SCENARIOS[number // len(BENCHMARKS) % len(SCENARIOS)]
    folder = tree / submitter / system / benchmark / scenario
    folder.mkdir(parents=True)
    power_w = float(random.uniform(200, 4000))
    for run in range(1 if number % 3 else 3):
        start_ns = START_NS + (number * 4000 + run * 900) * NS
        stated = {
            "submitter": submitter,
            "system": system,
            "benchmark": benchmark,
            "scenario": scenario,
            "task": "inference",
            "window": {
                "start": to_iso(start_ns + 10 * NS),
                "stop": to_iso(start_ns + (READINGS - 10) * NS),
            },
            "work": {"count": float(random.integers(10**5, 10**6)), "unit": "sample"},
            "performance": {"value": float(random.uniform(100, 9e4)), "unit": "Samples/s"},
            "quality": {"metric": "accuracy", "value": float(random.uniform(70, 80))},
            "success": True,
        }
        header = {
            "schema_version": "1.0",
            "id": "node",
            "quantity": "power",
            "unit": "W",
            "kind": "mean",
            "boundary": "wall",
            "meter": "yokogawa-wt310e",
            "calibration_id": f"{submitter}/{number}",
            "accuracy": {"reading_limit_pct": 0.1, "source": "made up"},
            "nominal_interval_s": 1,
            "clock": f"clock {number}",
            "clock_error_s": 0.1,
            "current": "ac",
            "run": stated,
        }
        if number % 2 == 0:  # findings, as rounds have them
            del stated["success"]
        load = np.abs(random.normal(power_w, 0.01 * power_w, READINGS))
        load[:10] *= 0.3
        load[-10:] *= 0.3
        if number % 6 == 0:
            load[300:303] = 0.0
        gap = range(200, 230) if number % 4 == 0 else range(0)
        rows = [f"{start_ns + i * NS},{value:.2f}" for i, value in enumerate(load) if i not in gap]
        lines = [f"# joulemark-trace: {json.dumps(header)}", "t_ns,power_w", *rows]
        (folder / f"run-{run + 1}.csv").write_text("\n".join(lines) + "\n", "utf-8")


Figure = tuple[str, float, float, str]
"""Name, value, bar and unit."""


def _build_figures(tree: Path, out: Path) -> Iterator[Figure]:
    """Build leaderboard and board; yield sizes and the ratio of their processor times."""
    leaderboard_s = _cpu_s(lambda: api.rank(api.read(tree)))
    board_s = _cpu_s(lambda: api.board(api.read(tree), out))
    yield "build, to the time of leaderboard", board_s / leaderboard_s, 1.5, ""
    index = (out / "index.html").read_bytes()
    yield "index", len(index) / 1e6, 1.5, "MB"
    yield "index, gzip", len(gzip.compress(index)) / 1e3, 250, "kB"
    audit = (out / "audit.html").read_bytes()
    yield "audit", len(audit) / 1e6, 1.5, "MB"
    yield "audit, gzip", len(gzip.compress(audit)) / 1e3, 250, "kB"
    largest = max(path.stat().st_size for path in (out / "results").glob("*.html"))
    yield "largest page of a result", largest / 1e3, 200, "kB"
    largest = max(path.stat().st_size for path in (out / "rules").glob("*.html"))
    yield "largest page of a rule", largest / 1e6, 1.5, "MB"


def _cpu_s(work: Callable[[], object]) -> float:
    """Return the processor time of some work, which other programs do not lengthen [s]."""
    before = time.process_time()
    work()
    return time.process_time() - before


def _browser_figures(out: Path) -> Iterator[Figure]:
    """Open the index; yield the times of the first paint, of sorting and of filtering."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        print("no browser: pip install playwright; apt-get install chromium", file=sys.stderr)
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        paints = []
        for _ in range(PAINTS):
            page.goto((out / "index.html").as_uri())
            page.wait_for_timeout(300)
            script = "performance.getEntriesByType('paint')[0].startTime"
            paints.append(page.evaluate(script))
        yield "first paint", min(paints) / 1e3, 1.0, "s"
        yield "sort", _best_ms(page, "sorters[k % 5].click()"), 100, "ms"
        search = "q.value = k % 2 ? '' : 'gaudi2'; q.dispatchEvent(new Event('input'))"
        yield "filter", _best_ms(page, search), 100, "ms"
        page.goto((out / "audit.html").as_uri())
        page.wait_for_timeout(300)
        yield "filter of the audit", _best_ms(page, search), 100, "ms"
        browser.close()


def _best_ms(page: Any, action: str) -> float:
    """Return the shortest time of an action of the page and the layout after it [ms].

    Other programs on the machine lengthen some of the times.
    """
    times = page.evaluate(
        f"""(count) => {{
          const sorters = [...document.querySelectorAll('.sorter')];
          const q = document.getElementById('q');
          return Array.from({{ length: count }}, (_, k) => {{
            const start = performance.now();
            {action};
            document.body.getBoundingClientRect();
            return performance.now() - start;
          }});
        }}""",
        REPEATS,
    )
    return float(min(times))


if __name__ == "__main__":
    sys.exit(main())
