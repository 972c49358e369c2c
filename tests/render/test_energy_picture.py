"""All results of all tables in one figure, from the least energy to the most."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import api
from harness.core.errors import UsageError
from harness.render.energy_picture import energy_picture
from harness.render.plots import save
from tests.tampers import tiny

pytest.importorskip("matplotlib", reason="pip install 'joulemark[pictures]'")


def tree(root: Path) -> Path:
    """A measured result of 200 uJ, and one of another benchmark that only prints its energy."""
    tiny.result(root)
    printed = tiny.result(root, "tiny_results_v1.2/closed/Rival/results/board/ad")
    for path in (printed / "energy").glob("trace1*"):
        path.unlink()
    text = (printed / "energy" / "results.txt").read_text()
    (printed / "energy" / "results.txt").write_text(
        text.replace("100000.000 uJ", "10000.000 uJ").replace("200.000", "20.000")
    )
    return root


def test_measured_and_printed_energies_stand_on_one_axis(tmp_path: Path) -> None:
    figure = energy_picture(api.rank(api.read(tree(tmp_path))))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Rival board", "Acme board"]
    assert axes.get_xscale() == "log"
    marks = {
        (line.get_xdata()[0], line.get_markerfacecolor() == "none")
        for line in axes.lines
        if len(line.get_xdata()) == 1 and line.get_marker() == "o"
    }
    values = sorted(marks)
    assert [value for value, _ in values] == [pytest.approx(20e-6), pytest.approx(200e-6, rel=1e-3)]
    assert [is_hollow for _, is_hollow in values] == [True, False]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["ad", "kws", "printed, without a trace"]


def test_the_same_results_give_the_same_file(tmp_path: Path) -> None:
    tables = api.rank(api.read(tree(tmp_path)))
    for name in ("one.svg", "two.svg"):
        save(energy_picture(tables), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_without_a_result_there_is_nothing_to_draw() -> None:
    with pytest.raises(UsageError, match="nothing to draw"):
        energy_picture([])
