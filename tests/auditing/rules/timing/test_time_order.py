"""time-order: stamps increase."""

from pathlib import Path

from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "time-order"


def test_pass_increasing(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_pass_a_dropped_reading_is_no_step_back() -> None:
    b.assert_pass(b.judge(b.entry(b.run(b.trace(range(-5, 606), [-1.0] + [400.0] * 610)))), RULE)


def test_warn_backward(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(backward_stamps=10)))
    hit = b.assert_found(
        found,
        RULE,
        "warn",
        where="power/result_0/node_0.txt",
        got="steps back, 0 equal",
        expected="after the one",
    )
    assert int(hit.got.split()[0]) in (9, 10)
    assert found.verdict == "valid"


def test_warn_low_samples_repeated(tmp_path: Path) -> None:
    """Repeats of a stamp add no energy, as only the first counts; they are told."""
    folder = b.inference(tmp_path)
    b.edit_lines(b.spl(folder), lambda n, line: line * 20 if n == 300 else line, "Time,")
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="spl.txt",
        got="0 steps back, 19 equal stamps",
        expected="each stamp",
    )
