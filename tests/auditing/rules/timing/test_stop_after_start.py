"""stop-after-start: the power log's own stop marker lies after its start marker."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "stop-after-start"


def test_pass_start_then_stop(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


@pytest.mark.parametrize(
    ("stop", "got"), [("start", "not after"), ("missing", "no power_measurement_stop")]
)
def test_warn_stop_at_start_or_missing(tmp_path: Path, stop: str, got: str) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(stop=stop, padding_s=50.0)))  # type: ignore[arg-type]
    hit = b.assert_found(
        found,
        RULE,
        "warn",
        where="power/result_0/node_0.txt",
        got=got,
        expected="start before stop",
    )
    assert hit.got.endswith("in 3 of 3 logs")
    assert found.verdict == "valid", "the window of the run bounds the energy, not the markers"


def test_warn_no_start_line(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(b.node(folder, 1), lambda *_: None, "power_measurement_start")
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="result_1/node_0.txt",
        got="no power_measurement_start, in 1 of 3",
        expected="start",
    )
