"""Patterns take time in proportion to hostile text that would stall a backtracking one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness import api
from harness.core.printable import printable
from harness.formats.mlperf.accuracy import read_accuracy
from harness.render.escape import FORMATS, MAX_CELL_WIDTH, escape, grid, plain
from tests.hostile import trees

PERFORMANCE = f"{trees.INFERENCE}/performance"
SECONDS = 10
"""Of the processor; all of these take less than one."""
TEXTS = {
    "blanks before a colon": ("run_1/mlperf_log_summary.txt", b"Mode" + b" " * 60_000 + b"x\n"),
    "blanks after a colon": (
        "run_1/mlperf_log_summary.txt",
        b"Scenario : " + b" " * 60_000 + b"x\n",
    ),
    "blanks on both sides": (
        "run_1/mlperf_log_summary.txt",
        (b"Mode" + b" " * 200 + b":" + b" " * 200 + b"x\n") * 150,
    ),
    "blank lines": (
        "run_1/mlperf_log_summary.txt",
        b"Samples per second : 1" + b"\n " * 30_000 + b"x",
    ),
    "digits": ("run_1/mlperf_log_summary.txt", b"1" * 60_000),
    "errors of a kind each": ("power/ptd_logs.txt", b"ERROR: 1.1.1.1 x\n" * 100_000),
    "offsets": ("power/client.log", b"NTP:offset = 1" * 100_000),
    "ranges": ("power/ptd_logs.txt", b" range set to 1" * 100_000 + b": Go with mark 'x_testing'"),
    "ranges of channels": (
        "power/ptd_logs.txt",
        b": Amp range for channel 1, physical channel 1" * 50_000,
    ),
    "commas": ("run_1/spl.txt", b"Time,x,Watts" + b"," * 500_000),
    "begins of lines": ("run_1/spl.txt", b"Time," * 200_000),
    "tokens": ("run_1/mlperf_log_detail.txt", b":::MLLOG" * 200_000),
}


@pytest.mark.parametrize(("name", "text"), TEXTS.values(), ids=TEXTS.keys())
def test_a_log_that_matches_almost(name: str, text: bytes, tmp_path: Path) -> None:
    trees.inference(tmp_path)
    path = tmp_path / PERFORMANCE / name
    path.write_bytes(text + path.read_bytes())
    api.audit(tmp_path)  # what is read once for all
    started = time.process_time()
    api.audit(tmp_path)
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        b"Word Error Rate: " * 4000,
        b"accuracy=" + b"1" * 65_000,
        b"'f1': " * 10_000,
        b"FID_SCORE" * 7000,
    ],
)
def test_an_accuracy_that_is_reported_almost(text: bytes) -> None:
    started = time.process_time()
    assert read_accuracy(text, "resnet50") is None
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "unit", ["a", "\u0430", "\x1b", "www.", ":/", "\\", " ", "1,", "\u202e", "|"]
)
def test_a_name_of_a_megabyte(unit: str) -> None:
    started = time.process_time()
    name = unit * 1_000_000
    for form in FORMATS:
        assert len(escape(name, form)) < 100_000
        assert len(grid(("Name",), [[name], ["b"]], form)) < 30 * MAX_CELL_WIDTH
    assert len(plain(name)) <= 4000
    printable(name)
    assert time.process_time() - started < SECONDS
