"""throughput-matches-performance: the energy run is as fast as the performance run."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import tiny

RULE = "throughput-matches-performance"


def performance(rate: str) -> tiny.Tamper:
    """The energy run makes 200 inferences a second."""

    def tamper(folder: Path) -> None:
        path = folder / "performance" / "results.txt"
        b.edit(path, lambda text: text.replace("201.5", rate))

    return tamper


@pytest.mark.parametrize("rate", ["191.0", "200.0", "210.4"])
def test_pass_runs_that_are_equally_fast(rate: str, tmp_path: Path) -> None:
    b.assert_pass(tiny.judged(tmp_path, performance(rate)), RULE)


@pytest.mark.parametrize(("rate", "change"), [("190.0", "+5.3"), ("210.7", "-5.1")])
def test_warn_an_energy_run_of_another_speed(rate: str, change: str, tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, performance(rate))
    hit = b.assert_found(
        found,
        RULE,
        "warn",
        where="energy/results.txt",
        got=f"200 inferences/s, {change} % of the {float(rate):g}",
        expected="within 5 %",
    )
    assert hit.location is not None
    assert hit.location.run == "window-2"


def test_warn_by_the_throughput_that_the_energy_run_prints(tmp_path: Path) -> None:
    def tamper(folder: Path) -> None:
        path = folder / "energy" / "results.txt"
        path.write_text(path.read_text() + "Median throughput is 300.0 inf./sec.\n")

    (found,) = b.of(tiny.judged(tmp_path, tamper), RULE)
    assert found.got.startswith("300 inferences/s, +48.9 %")


def test_skip_without_a_performance_run(tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, lambda folder: (folder / "performance/results.txt").unlink())
    b.assert_found(
        found, RULE, "skip", where="performance", got="no throughput", expected="performance run"
    )
