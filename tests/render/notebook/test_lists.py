"""What notebooks and data tools see of results and leaderboards."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.core.errors import MissingExtraError, UsageError
from harness.ranking.comparison import compare
from harness.render.leaderboard_csv import columns
from harness.render.notebook.lists import MAX_SHOWN, Results, Tables
from harness.render.notebook.pictures import comparison_picture

LAB = Path(__file__).resolve().parents[3] / "submissions" / "lab-2026"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def results() -> Results:
    return api.score(LAB, draws=20_000)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return api.rank(LAB)


def test_a_result_is_one_short_line(results: Results) -> None:
    text = repr(results[0])
    assert text.startswith("Result(inference/closed/SimulatedAlder/results/alder-2/resnet50/")
    assert text.endswith(" J [2.534e+05, 2.55e+05]; analyzer, wall, 1 run)")
    assert repr(results[4]).endswith("; sensor, node, 6 runs)")


def test_results_show_a_row_each(results: Results) -> None:
    head, _, *rows = repr(results).splitlines()
    assert head.split()[:2] == ["entry", "energy"]
    assert len(rows) == len(results) == 7
    assert results._repr_html_().count("<tr>") == 8


def test_of_many_results_some_are_shown_and_the_others_counted(results: Results) -> None:
    many = Results([results[0]] * (MAX_SHOWN + 3))
    assert repr(many).endswith("and 3 more")
    assert many._repr_html_().endswith("<p>and 3 more</p>")


def test_names_of_a_submission_are_escaped(results: Results) -> None:
    hostile = replace(results[0], entry=replace(results[0].entry, id=HOSTILE))
    for shown in (hostile._repr_html_(), Results([hostile])._repr_html_()):
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown


def test_a_result_without_energy_says_why(results: Results) -> None:
    energy = replace(results[0].energy, value=None, low=None, high=None, note="no window")
    nothing = replace(results[0], energy=energy)
    assert "no value (no window)" in repr(nothing)
    frame = Results([nothing]).to_pandas()
    assert frame["energy"].isna().all()


def test_a_frame_has_a_row_for_each_result(results: Results) -> None:
    frame = results.to_pandas()
    assert list(frame["id"]) == [result.entry.id for result in results]
    assert list(frame["energy"]) == [result.energy.value for result in results]
    assert list(frame["energy_low"]) == [result.energy.low for result in results]
    assert set(frame["energy_unit"]) == {"J"}
    assert list(frame["n_runs"]) == [1, 1, 1, 1, 6, 6, 6]
    assert frame["quality_target"][0] == pytest.approx(75.6954)


def test_arrow_holds_the_same_as_pandas(results: Results, tables: Tables) -> None:
    for items in (results, tables):
        frame, table = items.to_pandas(), items.to_arrow()
        assert table.column_names == list(frame.columns)
        assert table.column("energy_per_unit").to_pylist() == list(frame["energy_per_unit"])


def test_tables_say_who_leads(tables: Tables) -> None:
    first, second = repr(tables).splitlines()
    assert first.startswith("resnet50, Offline (inference, measured by analyzer, boundary wall")
    assert "4 entries, 4 ranked, first inference/closed/SimulatedDogwood" in first
    assert "3 entries, 2 ranked" in second
    assert tables._repr_html_().count("<table>") == 2
    assert repr(Tables()) == "no tables"


def test_a_frame_of_tables_is_the_csv(tables: Tables) -> None:
    frame = tables.to_pandas()
    assert list(frame.columns) == columns()
    ranked = frame[frame["rank_low"].notna()]
    assert len(frame) == 7
    assert len(ranked) == 6
    assert set(frame["boundary"]) == {"wall", "node"}


@pytest.mark.parametrize(
    ("package", "method", "extra"),
    [("pandas", "to_pandas", "pandas"), ("pyarrow", "to_arrow", "parquet")],
)
def test_fail_without_the_extra(
    results: Results, monkeypatch: pytest.MonkeyPatch, package: str, method: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'joulemark\[{extra}\]'"):
        getattr(results, method)()


def test_energies_are_drawn_with_their_intervals(results: Results) -> None:
    (plot,) = results.plot().axes
    assert plot.get_xlabel() == "energy [MJ], interval 95%; x: no interval"
    names = [label.get_text() for label in plot.get_yticklabels()]
    assert names == [f"{r.entry.id} ({r.measurement_class})" for r in results]
    drawn = [float(bar.lines[0].get_xdata()[0]) for bar in plot.containers]
    assert drawn == pytest.approx([(r.energy.value or 0) / 1e6 for r in results])


def test_power_is_drawn_for_each_run(results: Results) -> None:
    figure = Results(results[:2]).plot_power()
    first, second = figure.axes
    assert first.get_title() == f"{results[0].entry.id}: run_1"
    (line,) = second.lines
    (trace,) = results[1].entry.runs[0].outer
    assert list(line.get_ydata()) == list(trace.value)
    assert len(first.patches) == 1  # the window


def test_comparison_is_drawn_with_both_sides_and_their_ratio(results: Results) -> None:
    by_system = {result.entry.system: result for result in results}
    comparison = compare(by_system["alder-2"], by_system["cedar-1"])
    energies, ratio = comparison_picture(comparison).axes
    assert energies.get_xlabel() == "energy per unit [mJ/sample]"
    names = [label.get_text() for label in energies.get_yticklabels()]
    assert names == ["A: alder-2", "B: cedar-1"]
    drawn = [float(bar.lines[0].get_xdata()[0]) for bar in energies.containers]
    expected = [1e3 * (item.energy_per_unit.value or 0) for item in (comparison.a, comparison.b)]
    assert drawn == pytest.approx(expected)
    assert float(ratio.containers[0].lines[0].get_xdata()[0]) == comparison.ratio.value
    assert ratio.get_title() == "A is better"


def test_fail_a_picture_of_nothing(results: Results) -> None:
    with pytest.raises(UsageError, match="no result has an energy"):
        Results().plot()
    with pytest.raises(UsageError, match="no run has readings"):
        Results([replace(results[0], entry=replace(results[0].entry, runs=()))]).plot_power()
