"""What if: the same run in other zones and at other hours; only the map changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.carbon.factor import Factor
from harness.carbon.series import HOUR_NS, Series
from harness.carbon.whatif_result import WhatIf
from harness.cli.carbon.whatif import seconds
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.emissions.whatif import whatif
from harness.formats.base import Run, Work
from harness.render.terminal.carbon.whatif import bars, whatif_document, whatif_text
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.traces.clean import build_trace
from harness.traces.trace import Window

NS = 1_000_000_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def about(zone: str, value: float = 400.0, **given: Any) -> Factor:
    fixed = {
        "name": "location_intensity",
        "unit": "g/kWh",
        "u_ln": 0.1,
        "source": "s",
        "date": "2022",
        "licence": "l",
    }
    return Factor(value=value, zone=zone, dataset="d", key=f"intensity|d|{zone}", **(fixed | given))  # type: ignore[arg-type]


def days(zone: str, n: int = 10, low: float = 100.0, high: float = 300.0) -> Series:
    """A grid that is clean at noon: `low` from 10 to 14, `high` else; each day ten g/kWh above
    the one before."""
    hours = np.arange(24 * n)
    value = np.where((hours % 24 >= 10) & (hours % 24 < 14), low, high) + 10.0 * (hours // 24)
    return Series(at("2022-06-01T00:00:00"), HOUR_NS, value, about(zone, float(value.mean())))


@pytest.fixture
def result(channel: Callable[..., Any], entry_of: Callable[..., Any]) -> Callable[..., Result]:
    """One run of 1 kW over two hours."""

    def make(start: str = "2022-06-03T20:00:00", length_s: int = 7200) -> Result:
        t_ns = at(start) + np.arange(0, length_s + 1, 60, dtype=np.int64) * NS
        trace = build_trace(
            channel("mean", nominal_interval_s=60.0), t_ns, np.full(len(t_ns), 1000.0)
        )
        run = Run(
            id="r",
            window=Window(int(t_ns[0]), int(t_ns[-1])),
            traces=(trace,),
            work=Work(1, "sample"),
        )
        return score(entry_of(run))

    return make


def test_best_worst_and_actual_start_of_a_day(result: Callable[..., Result]) -> None:
    place = whatif(result(), [days("A")]).zones[0]
    assert place.actual is not None
    assert place.best is not None
    assert place.worst is not None
    assert place.actual.g.value == pytest.approx(2 * 320)
    assert (place.best.start_ns, place.best.g.value) == (
        at("2022-06-01T10:00:00"),
        pytest.approx(200),
    )
    assert place.worst.g.value == pytest.approx(2 * 390)
    assert place.best.g.value <= place.actual.g.value <= place.worst.g.value
    assert place.by_hour_g is not None
    assert place.by_hour_g[10] == pytest.approx(2 * (100 + 45))
    assert place.by_hour_g[9] == pytest.approx(100 + 300 + 90)
    assert np.isnan(place.by_month_g[0])  # type: ignore[index]


def test_energy_stays_and_only_the_map_changes(result: Callable[..., Result]) -> None:
    run = result()
    found = whatif(run, [days("A"), days("B", low=10, high=30)])
    assert found.energy == run.energy
    assert found.in_place is not None
    assert found.in_place.value == pytest.approx(1 - 50 / 320)
    assert found.in_time is not None
    assert found.in_time.value == pytest.approx(1 - 200 / 640)
    assert found.in_both is not None
    assert found.in_both.value == pytest.approx(1 - 20 / 640)


def test_level_of_one_grid_cancels_in_time_but_not_in_place(result: Callable[..., Result]) -> None:
    found = whatif(result(), [days("A"), days("B", low=50, high=150)])
    assert found.in_time is not None
    assert found.in_time.low == found.in_time.high == pytest.approx(found.in_time.value)
    assert found.in_place is not None
    assert found.in_place.high - found.in_place.low > 0.1  # type: ignore[operator]


def test_deadline_bounds_the_start(result: Callable[..., Result]) -> None:
    found = whatif(result(), [days("A")], deferrable_s=24 * 3600)
    best = found.zones[0].deferred
    assert best is not None
    assert (best.start_ns, best.g.value) == (at("2022-06-04T10:00:00"), pytest.approx(2 * 130))
    assert found.deferred is not None
    assert found.deferred.value == pytest.approx(1 - 260 / 640)
    soon = whatif(result(), [days("A")], deferrable_s=3600).zones[0].deferred
    assert soon is not None
    assert soon.start_ns == at("2022-06-03T20:00:00")


def test_starting_at_once_may_be_best(result: Callable[..., Result]) -> None:
    found = whatif(result("2022-06-03T10:30:00"), [days("A")], deferrable_s=6 * 3600).zones[0]
    assert found.deferred is not None
    assert found.deferred.start_ns == at("2022-06-03T10:30:00")


def test_start_may_be_given_and_lies_anywhere_in_an_hour(result: Callable[..., Result]) -> None:
    found = whatif(result(), [days("A")], start_ns=at("2022-06-01T09:30:00")).zones[0]
    assert found.actual is not None
    assert found.actual.g.value == pytest.approx(0.5 * 300 + 1.5 * 100)


def test_run_of_another_year_has_no_actual_and_says_so(result: Callable[..., Result]) -> None:
    found = whatif(result("2026-06-03T20:00:00"), [days("A")])
    assert found.zones[0].actual is None
    assert found.against == "mean of all starts"
    assert any("--start" in note for note in found.notes)
    with pytest.raises(UsageError, match="deadline counts from a start"):
        whatif(result("2026-06-03T20:00:00"), [days("A")], deferrable_s=3600)


def test_annual_factors_move_in_place_only(result: Callable[..., Result]) -> None:
    found = whatif(result("2026-06-03T20:00:00"), [about("A", 400), about("B", 100)])
    assert found.in_time is None
    assert found.in_place is not None
    assert found.in_place.value == pytest.approx(0.75)


def test_missing_hours_are_never_the_best_start(result: Callable[..., Result]) -> None:
    grid = days("A")
    value = grid.value.copy()
    value[[10, 11]] = np.nan
    found = whatif(result(), [Series(grid.start_ns, grid.step_ns, value, grid.about)]).zones[0]
    assert found.best is not None
    assert found.best.start_ns == at("2022-06-01T12:00:00")
    assert found.gaps == 3


def test_hours_without_a_value_count_for_the_whole_facility(result: Callable[..., Result]) -> None:
    grid = days("A")
    value = grid.value.copy()
    value[24 * 2 + 20] = np.nan  # the first of the two hours of the run
    series = Series(grid.start_ns, grid.step_ns, value, about("A", 200.0, u_ln=0.0))
    double = Factor(
        name="pue", value=2.0, unit="1", u_ln=0.0, source="s", date="", licence="", key="pue"
    )
    alone, facility = (
        whatif(result(), [series], pue=pue).zones[0].actual for pue in (None, double)
    )
    assert alone is not None
    assert facility is not None
    assert facility.g.value == pytest.approx(2 * alone.g.value)
    assert facility.g.u_c == pytest.approx(2 * alone.g.u_c, rel=1e-3)
    assert alone.g.u_c > 0.05 * alone.g.value


def test_two_sources_are_refused(result: Callable[..., Result]) -> None:
    with pytest.raises(UsageError, match="two sources"):
        whatif(
            result(),
            [days("A"), about("B").__class__(**{**about("B").document(), "dataset": "other"})],
        )


def test_run_longer_than_the_series_is_refused(result: Callable[..., Result]) -> None:
    with pytest.raises(UsageError, match=r"longer than the series.*61 h"):
        whatif(result(length_s=60 * 3600 + 31 * 60), [days("A", n=1)])


def test_document_and_text(result: Callable[..., Result]) -> None:
    found: WhatIf = whatif(result(), [days("A"), days("B")], deferrable_s=86400)
    document = whatif_document(found, "x")
    check("whatif", document)
    assert json.loads(json.dumps(document)) == document
    text = whatif_text(found, "x")
    for word in (
        "Actual",
        "Best",
        "Worst",
        "in time",
        "in place",
        "deferrable by 24 h",
        "2022-06-04T10:00Z",
    ):
        assert word in text


def test_bars_go_from_nothing_to_the_largest() -> None:
    assert bars(np.array([0.0, 0.5, 1.0, np.nan])) == " ▄█ "


@pytest.mark.parametrize(
    ("text", "value"), [("24h", 86400), ("90m", 5400), ("2d", 172800), ("1.5 h", 5400), ("5s", 5)]
)
def test_spans_of_time(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["24", "soon", "-1h", ""])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a span of time"):
        seconds(text)


@pytest.mark.parametrize("form", ["svg", "png"])
def test_picture_of_hours_and_of_zones(
    result: Callable[..., Result], tmp_path: Path, form: str
) -> None:
    pytest.importorskip("matplotlib")
    from harness.render.plots import save, whatif_picture

    for places in ([days("A"), days("B")], [about("A"), about("B", 100)]):
        path = tmp_path / f"x.{form}"
        save(whatif_picture(whatif(result(), places)), path)  # type: ignore[arg-type]
        assert path.stat().st_size > 5000
