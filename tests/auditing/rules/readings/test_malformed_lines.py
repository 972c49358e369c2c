"""malformed-lines: few lines of a power log are broken."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b

RULE = "malformed-lines"


def test_pass_whole_lines(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit(b.node(folder), lambda text: text.replace("\n", "\r\n") + "\n\n")
    b.assert_pass(b.report(folder), RULE)


@pytest.mark.parametrize(("old", "new"), [('"key"', '"key'), (":::MLLOG", "::MLLOG"), ("{", "")])
def test_fail_half_the_lines_broken(tmp_path: Path, old: str, new: str) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(
        b.node(folder, 1),
        lambda k, line: line if k % 2 else line.replace(old, new),
        "power_reading",
    )
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="power/result_1/node_0.txt",
        got="lines are no MLLOG",
        expected="0.02",
    )


def test_warn_one_line(tmp_path: Path) -> None:
    folder = b.training(tmp_path, duration_s=300.0)
    b.edit_lines(
        b.node(folder), lambda k, line: line if k != 7 else line[:40] + "\n", "power_reading"
    )
    found = b.report(folder)
    b.assert_found(found, RULE, "warn", where="result_0/node_0.txt", got="1 of 3", expected="none")
    assert found.verdict == "valid"
