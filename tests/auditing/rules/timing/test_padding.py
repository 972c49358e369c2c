"""padding: only a small part of the power log lies outside the timed part."""

from pathlib import Path

from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "padding"


def test_pass_a_few_seconds(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_pass_a_log_of_another_time_is_not_padding(tmp_path: Path) -> None:
    folder = b.training(tmp_path, runs=1)
    b.shift_log(b.node(folder), 1e6)
    b.assert_pass(b.report(folder), RULE)


def test_warn_idle_on_both_sides(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(padding_s=55.0)))
    hit = b.assert_found(
        found, RULE, "warn", where="/node_0.txt", got="in 3 of 3 logs", expected="at most 0.1"
    )
    assert "mean of the whole log -3" in hit.got, (
        "idle is a third of the load, and lies in more than half the log"
    )
    assert found.verdict == "valid"


def test_warn_idle_appended_to_one_log(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    path = b.node(folder, 1)
    line = [
        text
        for text in path.read_text("utf-8").splitlines(keepends=True)
        if "power_reading" in text
    ][-1]
    last = int(line.split('"time_ms": ')[1].split(",")[0])
    more = "".join(b.set_mllog(line, time_ms=last + 1000 * k, value=900) for k in range(1, 601))
    b.edit(path, lambda text: text + more)
    found = b.report(folder)
    b.assert_found(
        found, RULE, "warn", where="result_1/node_0.txt", got="in 1 of 3 logs", expected="0.1"
    )
