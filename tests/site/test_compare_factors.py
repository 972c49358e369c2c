"""The browser takes emissions apart as Python does: machine, mechanization and map."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.carbon.co2e import Inputs
from harness.carbon.factor import Factor
from harness.carbon.series import HOUR_NS, Series
from harness.emissions.decomposition import decompose_results
from harness.emissions.result_emissions import with_co2e
from harness.formats.base import Run, Work
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.site.evidence import PREFIX, SUFFIX, evidence_script
from harness.uncertainty.estimate import Estimate

ABOUT = {
    "table": dict.fromkeys(("task", "benchmark", "scenario", "unit", "boundary"), "same"),
}
FACTORS = """async ([a, b]) => {
  const [first, second] = await Promise.all([a, b].map((text) => joulemark.decode(text)));
  const pair = joulemark.compare.compare(first, second);
  return joulemark.compare.factors(first, second, pair);
}"""


def factor(name: str, value: float, u_ln: float, key: str) -> Factor:
    return Factor(
        name=name,
        value=value,
        unit="1",
        u_ln=u_ln,
        source="test",
        date="",
        licence="",
        key=key,
        dataset="test",
    )


@pytest.fixture
def scored(
    trace: Callable[..., Any], window: Callable[..., Any], entry_of: Callable[..., Any]
) -> Callable[[str, float], Result]:
    def make(name: str, watts: float) -> Result:
        runs = [
            Run(
                id=f"r{number}",
                window=window(0, 100),
                traces=(trace(range(101), [watts * (1 + 0.002 * number)] * 101),),
                work=Work(10, "sample"),
                success=True,
            )
            for number in range(3)
        ]
        return score(entry_of(*runs, id=name))

    return make


def factors_of(browser: Any, site: Path, *results: Result) -> list[dict[str, Any]] | None:
    """Return the factors as the page that compares computes them."""
    texts = []
    for result in results:
        script = evidence_script(result, {**ABOUT, "name": result.entry.id}, None)
        assert script is not None
        texts.append(script[len(PREFIX) : -len(SUFFIX)].decode())
    page = browser.new_page()
    page.goto((site / "compare.html").as_uri())
    found: list[dict[str, Any]] | None = page.evaluate(FACTORS, texts)
    page.close()
    return found


def assert_same(found: dict[str, Any], expected: Estimate) -> None:
    assert expected.low is not None
    assert expected.high is not None
    width = expected.high - expected.low
    drawn = [math.log(found[name]) for name in ("ratio", "low", "high")]
    stated = [expected.value, expected.low, expected.high]
    assert drawn == pytest.approx(stated, abs=0.03 * width + 1e-9)


def test_factors_are_those_of_python(
    browser: Any, site: Path, scored: Callable[[str, float], Result]
) -> None:
    """Two buildings and two grids; one of them by the hour, some of them without a value."""
    start_ns = scored("any", 100.0).entry.runs[0].window.start_ns  # type: ignore[union-attr]
    values = np.array([400.0, np.nan, 500.0] * 9)
    values[12] = np.nan
    hourly = Series(
        start_ns - start_ns % HOUR_NS - 12 * HOUR_NS,
        HOUR_NS,
        values,
        factor("location_intensity", 400.0, 0.05, "hours"),
    )
    a = with_co2e(
        scored("a", 200.0), Inputs(location=hourly, pue=factor("pue", 1.5, 0.02, "pue-a"))
    )
    annual = factor("location_intensity", 100.0, 0.1, "grid")
    b = with_co2e(
        scored("b", 100.0), Inputs(location=annual, pue=factor("pue", 1.2, 0.03, "pue-b"))
    )
    expected = decompose_results(a, b)
    assert expected is not None
    found = factors_of(browser, site, a, b)
    assert found is not None
    assert [item["name"] for item in found] == ["machine", "mechanization", "map", "the whole"]
    for item in found[:3]:
        stated = expected.factors[item["name"]]
        assert stated is not None
        assert_same(item, stated)
    assert_same(found[3], expected.total)


def test_one_grid_and_one_building_cancel(
    browser: Any, site: Path, scored: Callable[[str, float], Result]
) -> None:
    common = Inputs(
        location=factor("location_intensity", 400.0, 0.1, "grid"),
        pue=factor("pue", 1.5, 0.02, "pue"),
        role="reference",
    )
    found = factors_of(
        browser, site, *(with_co2e(scored(n, w), common) for n, w in (("a", 90.0), ("b", 100.0)))
    )
    assert found is not None
    for item in found[1:3]:
        assert [item[name] for name in ("ratio", "low", "high")] == pytest.approx([1.0] * 3)
    assert found[3]["ratio"] == pytest.approx(found[0]["ratio"])


def test_without_a_grid_there_are_no_factors(
    browser: Any, site: Path, scored: Callable[[str, float], Result]
) -> None:
    assert factors_of(browser, site, scored("a", 90.0), scored("b", 100.0)) is None
