"""evidence-readable: all files of the result are there and can be read."""

from pathlib import Path

import numpy as np
import pytest
from lab_simulator import TrainingForm

from harness.formats.base import Defect
from tests.auditing.rules import builders as b

RULE = "evidence-readable"


def test_pass_complete(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


@pytest.mark.parametrize(
    "name", ["power/server.json", "power/client.json", "power/ptd_logs.txt", "ranging/spl.txt"]
)
def test_fail_file_missing(tmp_path: Path, name: str) -> None:
    folder = b.inference(tmp_path)
    (folder / "performance" / name).unlink()
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where=f"performance/{name}",
        got="file-unreadable",
        expected="file",
    )


def test_fail_file_empty(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.spl(folder).write_bytes(b"")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="file-empty: 0 bytes",
        expected="file",
    )


def test_fail_json_truncated(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit(folder / "performance/power/server.json", lambda text: text[: len(text) // 2])
    b.assert_found(
        b.report(folder), RULE, "fail", where="server.json", got="is not JSON", expected="file"
    )


def test_fail_file_replaced_by_a_link(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    elsewhere = b.spl(folder).rename(tmp_path / "elsewhere.txt")
    b.spl(folder).symlink_to(elsewhere)
    b.assert_found(
        b.report(folder), RULE, "fail", where="run_1/spl.txt", got="symbolic link", expected="file"
    )


def test_fail_line_cut_in_the_middle_is_a_warning(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.spl(folder), lambda n, line: line[:20] + "\n" if n == 300 else line, "Time,")
    b.rehash(folder)
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/spl.txt",
        got="trace-line-broken: 1 lines",
        expected="lines",
    )
    assert {f.rule for f in found.findings if f.status == "fail"} == {
        "ptd-raw-readings",
        "ptd-replies",
    }


def test_warn_readings_as_text(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(string_values=True)))
    hit = b.assert_found(
        found, RULE, "warn", where="result_0/node_0.txt", got="value-is-text", expected="lines"
    )
    assert int(hit.got.split()[1]) > 90


def test_warn_picture_among_the_logs(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(png_files=True)))
    b.assert_found(
        found, RULE, "warn", where="power/result_0", got="nodes_0_to_0.png", expected="node_*.txt"
    )
    assert found.verdict == "valid"


@pytest.mark.parametrize(
    "code",
    ["scenario-inferred", "scenario-differs", "round-differs", "count-derived", "local-time"],
)
def test_warn_what_a_reader_settled(code: str) -> None:
    made = b.entry(
        b.run(b.trace(range(-5, 606), np.linspace(300, 400, 611))),
        defects=(Defect(code, "e/log", "so"),),
    )
    hit = b.assert_found(b.judge(made), RULE, "warn", where="log", got=f"{code}: so", expected="")
    assert hit.fix


@pytest.mark.parametrize("factor", ["0", "-1", '"half"', "null", "1e9"])
def test_fail_scaling_factor_that_scales_nothing(tmp_path: Path, factor: str) -> None:
    folder = b.training(tmp_path)
    (folder / "scaling.json").write_text(f'{{"scaling_factor": {factor}}}', "utf-8")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="scaling.json",
        got="scaling-unreadable",
        expected="file",
    )


def test_fail_entry_without_a_run() -> None:
    b.assert_found(
        b.judge(b.entry()), RULE, "fail", where="e", got="no run", expected="at least one"
    )


def test_fail_result_log_of_a_measured_run_removed(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    (folder / "result_1.txt").unlink()
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="power/result_1",
        got="result-log-missing",
        expected="file",
    )


def test_fail_ranging_log_without_its_window(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(
        folder / "performance/ranging/mlperf_log_detail.txt", lambda *_: None, '"power_end"'
    )
    b.rehash(folder)
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="ranging/mlperf_log_detail.txt",
        got="window",
        expected="file",
    )
