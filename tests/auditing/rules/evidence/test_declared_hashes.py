"""declared-hashes: files are those whose hashes the submission states."""

import json
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b

RULE = "declared-hashes"


def set_results(folder: Path, side: str, change: object) -> None:
    path = folder / "performance" / "power" / f"{side}.json"
    document = json.loads(path.read_text("utf-8"))
    change(document["results"])  # type: ignore[operator]
    path.write_text(json.dumps(document), "utf-8")


def test_pass_as_written_with_ptd_out_left_out(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    assert not (folder / "performance/run_1/ptd_out.txt").exists()
    b.assert_pass(b.report(folder), RULE)


def test_fail_spl_edited_without_rehash(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(
        b.spl(folder), lambda _, line: b.set_watts(line, f"{b.watts(line) / 2:.6f}"), "Time,"
    )
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="performance/run_1/spl.txt",
        got="sha1 ",
        expected="as server.json states",
    )


def test_fail_one_byte_of_a_client_log_changed(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit(folder / "performance/power/client.log", lambda text: text.replace("INFO", "INFo", 1))
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="power/client.log",
        got="sha1",
        expected="client.json states",
    )


def test_fail_hashed_file_missing(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    (folder / "performance/ranging/spl.txt").unlink()
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="ranging/spl.txt",
        got="cannot be opened",
        expected="hashed",
    )


def test_fail_hash_of_the_edited_file_removed(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.spl(folder), lambda n, line: None if n % 50 == 0 else line, "Time,")
    set_results(folder, "server", lambda results: results.pop("run_1/spl.txt"))
    b.assert_found(
        b.report(folder), RULE, "fail", where="run_1/spl.txt", got="no hash", expected="sha1"
    )


@pytest.mark.parametrize(
    "name", ["../../../secret", "/etc/passwd", "a\\b", "1/2/3/4/5/6/7/8/9/10/11"]
)
def test_fail_name_outside_the_result(tmp_path: Path, name: str) -> None:
    folder = b.inference(tmp_path)
    set_results(folder, "client", lambda results: results.update({name: "0"}))
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="power/client.json",
        got=name,
        expected="path in the result",
    )


def test_fail_documents_without_hashes(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    for side in ("client", "server"):
        set_results(folder, side, lambda results: results.clear())
    b.assert_found(
        b.report(folder), RULE, "fail", where="performance/power", got="no hashes", expected="sha1"
    )


def test_skip_nothing_foreign() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no foreign files", expected="client.json"
    )


@pytest.mark.parametrize(
    "name",
    [
        "ranging/A100-PCIex8_TRT_MaxQ/resnet50/Server/mlperf_log_detail.txt",
        "power/ptd_logs_analyzer_1.txt",
        "ranging/spl_analyzer_1.csv",
        "run_1/spl_analyzer_1.txt",
    ],
)
def test_pass_file_that_was_hashed_and_is_not_submitted(tmp_path: Path, name: str) -> None:
    folder = b.inference(tmp_path)
    set_results(folder, "server", lambda results: results.update({name: "0" * 40}))
    b.assert_pass(b.report(folder), RULE)


def test_fail_nested_file_that_is_submitted_and_was_edited(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    name = "ranging/A100-PCIex8_TRT_MaxQ/resnet50/Server/mlperf_log_detail.txt"
    (folder / "performance" / name).parent.mkdir(parents=True)
    (folder / "performance" / name).write_text("edited\n")
    set_results(folder, "server", lambda results: results.update({name: "0" * 40}))
    b.assert_found(
        b.report(folder), RULE, "fail", where=name, got="sha1", expected="server.json states"
    )
