"""Columns of a grid's CSV: which cells are taken, and which row is named when one is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.carbon.grid import columns as reader
from harness.core.errors import UnreadableError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "grid.csv"
    path.write_text(text, "utf-8")
    return path


NAMES = {"time": "t", "value": "v"}


def test_time_and_value_are_taken_by_name_or_by_place(tmp_path: Path) -> None:
    path = write(tmp_path, "x,v,t\n1,2,a\n3,4,b\n")
    times, values = reader.read_columns(path, NAMES)
    assert list(times) == ["a", "b"]
    assert values.tolist() == [2.0, 4.0]
    path = write(tmp_path, "t,v\na,2\n")
    assert reader.read_columns(path, {})[1].tolist() == [2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,t,v\n1,a,2\n1,b\n", r"row 3.*broken row|broken row.*row 3"),
        ("x,v,t\n1,2\n", "broken row"),
        ("t,v,w\na,1,2\n", "more than two columns"),
        ("t\na\n", "fewer than two columns"),
        ("t,v\n", "no rows"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_place(
    text: str, message: str, tmp_path: Path
) -> None:
    names = {} if "columns" in message else NAMES
    with pytest.raises(UnreadableError, match=message):
        reader.read_columns(write(tmp_path, text), names)


def test_a_cell_that_says_missing_is_no_number_and_none_other_is_let_pass(tmp_path: Path) -> None:
    _, values = reader.read_columns(write(tmp_path, "t,v\na,1\nb,\nc,NA\nd,0\n"), NAMES)
    assert np.isnan(values).tolist() == [False, True, True, False]
    with pytest.raises(UnreadableError, match="row 3"):
        reader.read_columns(write(tmp_path, "t,v\na,1\nb,x\n"), NAMES)


def test_energies_of_zero_are_energies_and_negative_ones_are_none(tmp_path: Path) -> None:
    path = write(tmp_path, "t,solar,coal\na,0,5\nb,2,0\n")
    assert reader.read_numbers(path, ["solar", "coal"]) == [[0.0, 2.0], [5.0, 0.0]]
    for bad in ("-1", "nan", "", "1e30"):
        broken = write(tmp_path, f"t,solar,coal\na,0,5\nb,{bad},0\n")
        with pytest.raises(UnreadableError, match="row 3, solar"):
            reader.read_numbers(broken, ["solar", "coal"])


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("t;v\na, b;105,5\nc;-3\n", "utf-8"),
        ("t\tv\na, b\t105,5\nc\t-3\n", "utf-8"),
        ('t,v\n"a, b",105.5\nc,-3\n', "utf-16"),
        ("t;v\r\na, b;105,5\r\nc;-3\r\n", "utf-8-sig"),
    ],
)
def test_files_of_spreadsheets_are_read(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "grid.csv"
    path.write_text(text, encoding)
    times, values = reader.read_columns(path, NAMES)
    assert list(times) == ["a, b", "c"]
    assert values.tolist() == [105.5, -3.0]


def test_a_file_of_half_a_character_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "grid.csv"
    path.write_bytes(b"\xff\xfet\x00,\x00v\x00\n")
    with pytest.raises(UnreadableError, match="is not UTF-16 text"):
        reader.read_columns(path, NAMES)
