"""power-arithmetic: power is voltage times current times power factor."""

import re
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "power-arithmetic"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_power_of_a_line_only(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.power_of_a_line_only)
    b.assert_found(found, RULE, "fail", where="spl.txt, line 301", got="1 of", expected="0.01")


def test_fail_halve_both_traces(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.halve_both_traces)
    b.assert_found(
        found, RULE, "fail", where="ranging/spl.txt", got="against", expected="equal within"
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def sum_only(folder: Path) -> None:
    """Lines as PTDaemon prints them where the channels were not asked for."""
    for run in ("ranging", "run_1"):
        t.rows(folder, lambda _, line: line.partition(",Ch1,")[0] + "\n", run)


def vectors_sum(folder: Path) -> None:
    """The total's power factor where one channel leads and another lags."""

    def change(_: int, line: str) -> str:
        cells = line.split(",")
        cells[9] = "0.998640"
        return ",".join(cells)

    for run in ("ranging", "run_1"):
        t.rows(folder, change, run)


def small(folder: Path, watts: str = "") -> None:
    """A board of 5.7 W; one reading of it may be edited."""
    group = "Watts,5.700000,Volts,118.370000,Amps,0.107010,PF,0.450000,Mark"

    def change(n: int, line: str) -> str:
        edited = group.replace("5.700000", watts) if watts and n == 300 else group
        return re.sub("Watts,.*,Mark", edited, line)

    t.rows(folder, change)


@pytest.mark.parametrize("edit", [sum_only, vectors_sum])
def test_pass_power_factor_of_a_vectors_sum(tmp_path: Path, edit: t.Edit) -> None:
    b.assert_pass(t.judged(tmp_path, edit, analyzers="WT333E"), RULE)


def test_fail_more_than_volts_and_amperes_give(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        sum_only(folder)
        t.rows(folder, t.scaled(1.05))

    found = t.judged(tmp_path, edit, analyzers="WT333E")
    b.assert_found(
        found, RULE, "fail", where="run_1/spl.txt", got="readings differ", expected="0.01 of it"
    )


def test_fail_one_channel_halved_below_a_vectors_sum(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        vectors_sum(folder)
        t.rows(folder, lambda _, line: re.sub(r"Ch2,Watts,\d+", "Ch2,Watts,70", line))

    found = t.judged(tmp_path, edit, analyzers="WT333E")
    b.assert_found(
        found, RULE, "fail", where="run_1/spl.txt", got="readings differ", expected="0.01 of it"
    )


def test_fail_analyzer_of_one_channel_that_says_it_has_three(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        t.everywhere(folder, "mode=power,1,1,1,", "mode=power,1,1,3,")
        t.halve_both_traces(folder)

    found = t.judged(tmp_path, edit)
    b.assert_found(
        found, RULE, "fail", where="run_1/spl.txt", got="readings differ", expected="0.01 of it"
    )


def test_pass_a_small_system(tmp_path: Path) -> None:
    b.assert_pass(t.judged(tmp_path, small), RULE)


def test_fail_four_percent_of_a_small_system(tmp_path: Path) -> None:
    found = t.judged(tmp_path, lambda folder: small(folder, "5.470000"))
    b.assert_found(
        found, RULE, "fail", where="spl.txt, line 301", got="1 of", expected="0.01 of it and 0.5"
    )
