"""Numbers in files are ASCII digits; spellings that only Python accepts are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.numbers import plain_number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_is_printed_is_read_back(value: float) -> None:
    assert plain_number(repr(value)) == value
    assert plain_number(f" {value:.6e}\r".encode()) == float(f"{value:.6e}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1_0",
        "１２",
        "٣",
        "nan",
        "inf",
        "-infinity",
        "0x10",
        "1,5",
        "1.5.",
        "e5",
        "+-1",
        "1e999",
    ],
)
def test_what_only_python_reads_is_no_number(text: str) -> None:
    assert plain_number(text) is None
    assert plain_number(text.encode()) is None


def test_a_text_beyond_any_number_is_none() -> None:
    assert plain_number("1" * 100_000) is None
