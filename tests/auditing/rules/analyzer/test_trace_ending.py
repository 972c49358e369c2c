"""trace-ending: white space after the last reading, which broke the checker until 2024."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "trace-ending"


def with_blank_lines(number: str, count: int) -> t.Edit:
    def edit(folder: Path) -> None:
        t.of_round(folder, number, "1.9.2" if number < "3" else "1.10.0")
        with t.spl(folder).open("ab") as file:
            file.write(b"\n" * count)

    return edit


@pytest.mark.parametrize("number", ["1.1", "3.0"])
def test_pass_trace_that_ends_with_a_reading(number: str, tmp_path: Path) -> None:
    b.assert_pass(t.judged(tmp_path, with_blank_lines(number, 0)), RULE)


@pytest.mark.parametrize("number", ["1.1", "2.0", "2.1", "3.0"])
def test_fail_blank_line_up_to_v3_1(number: str, tmp_path: Path) -> None:
    found = t.judged(tmp_path, with_blank_lines(number, 1))
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="1 blank lines",
        expected="a reading in the last line",
    )


def test_pass_blank_line_since_v4_0(tmp_path: Path) -> None:
    """The simulated session of v4.1 ends with one, as real ones do."""
    folder = b.inference(tmp_path)
    assert t.spl(folder).read_bytes().endswith(b"\n\n")
    assert b.of(b.report(folder), RULE) == []
