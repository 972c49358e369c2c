"""power-folder: exactly the five files of the power workflow."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "power-folder"


def test_pass_a_clean_session(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


@pytest.mark.parametrize("name", [".gitkeep", "mlperf_log_trace.json", "results.json"])
def test_pass_file_that_the_checker_ignores(name: str, tmp_path: Path) -> None:
    found = t.judged(tmp_path, lambda folder: t.power(folder, name).write_text("{}", "utf-8"))
    b.assert_pass(found, RULE)


def test_fail_second_log_beside_the_first(tmp_path: Path) -> None:
    found = t.judged(
        tmp_path, lambda folder: t.power(folder, "ptd_logs.txt.orig").write_text("", "utf-8")
    )
    b.assert_found(
        found,
        RULE,
        "fail",
        where="performance/power",
        got="also ptd_logs.txt.orig",
        expected="client.json, client.log",
    )


def test_pass_link_is_not_followed(tmp_path: Path) -> None:
    folder = b.inference(tmp_path / "tree")
    power = folder / "performance" / "power"
    moved = power.rename(tmp_path / "elsewhere")
    (moved / "more.txt").write_text("", "utf-8")
    power.symlink_to(moved)
    assert b.of(b.report(folder), RULE) == []
