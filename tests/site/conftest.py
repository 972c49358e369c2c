"""One site for all tests of the board, and a real browser that opens it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.core.resources import resource
from harness.core.timestamps import from_iso
from harness.site.server import serving

HOSTILE = (
    "</title><script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "{{ 7 * 7 }}\u202e'</script><svg onload=window.hacked=1>",
)
"""Names of a submission that tries to run scripts in the reader's browser."""
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

AXE_OPTIONS = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
"""All rules, and targets of at least 24 pixels; passes are not collected, which takes long."""


def write_csv(path: Path, names: tuple[str, str, str]) -> None:
    """Write a trace whose submitter, system and benchmark are given."""
    submitter, system, benchmark = names
    run = {
        "submitter": submitter,
        "system": system,
        "benchmark": benchmark,
        "scenario": "Offline",
        "task": "inference",
        "window": {"start": "2026-01-05T10:00:00Z", "stop": "2026-01-05T10:01:10Z"},
        "work": {"count": 5000, "unit": "sample"},
        "success": True,
    }
    header = {
        "schema_version": "1.0",
        "id": names[1],
        "quantity": "power",
        "unit": "W",
        "kind": "mean",
        "boundary": "wall",
        "meter": "revenue-grade-pdu",
        "calibration_id": "pdu/4711",
        "accuracy": {"reading_limit_pct": 1, "source": names[0]},
        "nominal_interval_s": 1,
        "clock": names[2],
        "clock_error_s": 0.02,
        "current": "ac",
        "run": run,
    }
    start_ns = from_iso("2026-01-05T09:59:50Z", where="test")
    rows = [f"{start_ns + second * 10**9},{200 + 7 * (second % 5)}.25" for second in range(90)]
    lines = [f"# joulemark-trace: {json.dumps(header)}", "t_ns,power_w", *rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board of the bundled submissions and of a hostile one."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "hostile").mkdir()
    write_csv(tree / "hostile" / "run-1.csv", HOSTILE)
    out = tmp_path_factory.mktemp("site")
    submissions = resource("submissions")
    api.board([submissions, tree], out, trust=submissions / "trust.yaml")
    return out


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a site on this machine; yield its address."""
    with serving(folder) as (server, url):
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield url.removesuffix("index.html")
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, for one module: while it is there, no other event loop can run."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is absent: pip install 'joulemark[test]'"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("Chromium is absent: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


def accessibility_problems(page: Any) -> list[tuple[str, ...]]:
    """Return the violations that axe finds: the rule, the first place and what is wrong there."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    violations = axe.run(page, options=AXE_OPTIONS).response["violations"]
    firsts = [(item["id"], item["nodes"][0]) for item in violations]
    return [(rule, node["html"][:200], node.get("failureSummary", "")) for rule, node in firsts]
