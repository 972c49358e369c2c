"""The README shows what the commands print: the demo always, real results where the sample data is."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from harness.cli import cli
from harness.cli.demo import run_demo

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def shown(mark: str) -> list[str]:
    """Lines of the block that follows a mark in the README."""
    found = re.search(rf"<!-- {re.escape(mark)} -->\n```text\n(.*?)\n```", README, re.S)
    assert found is not None, mark
    return [line for line in found[1].splitlines() if line.strip() and line != "..."]


def assert_printed(lines: list[str], output: str) -> None:
    printed = {line.rstrip() for line in output.splitlines()}
    assert [line for line in lines if line not in printed] == []


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    lines = shown("demo")
    assert len(lines) > 15
    assert_printed(lines, "\n".join(run_demo(tmp_path)))


def test_the_leaderboard_of_real_results_is_the_one_shown(real_data: Path) -> None:
    lines = shown("leaderboard of real results")
    assert len(lines) > 30
    assert_printed(lines, CliRunner().invoke(cli, ["leaderboard", str(real_data)]).output)


def test_the_score_of_a_real_result_is_the_one_shown(real_data: Path) -> None:
    place = (
        real_data / "mlperf-training-v4.0/smc-ac-power/results/1xSMC-H100-SXM-80GB/llama2_70b_lora"
    )
    assert_printed(
        shown("score of a real result"), CliRunner().invoke(cli, ["score", str(place)]).output
    )
