"""Provisioned power beside measured power: a ratio with its interval, and never one number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.schemas import check
from harness.formats.base import Work
from harness.formats.run_directory_writer import write_entry
from harness.render.json import result_document
from harness.render.terminal.score import score_text
from harness.scoring.endpoint.provision import with_provision
from harness.scoring.result import Result
from harness.scoring.score import score
from tests.fakes.endpoint_package import Package
from tests.scoring.test_score import entry


def measured() -> Result:
    """100 W for 100 s, with 400 tokens."""
    plain = entry("a", 100.0)
    runs = tuple(replace(run, work=Work(400.0, "token")) for run in plain.runs)
    return score(replace(plain, runs=runs), draws=10_000)


def test_utilisation_is_measured_over_provisioned_power_with_its_interval() -> None:
    result = with_provision(measured(), 0.5)
    provision = result.provision
    assert provision is not None
    assert provision.utilisation is not None
    assert provision.utilisation.value == pytest.approx(0.2, rel=1e-3)
    assert provision.utilisation.low == pytest.approx(result.mean_power.low / 500)  # type: ignore[operator]
    assert provision.utilisation.high == pytest.approx(result.mean_power.high / 500)  # type: ignore[operator]


def test_energy_per_token_is_stated_twice_and_mixed_never() -> None:
    result = with_provision(measured(), 0.5)
    assert result.provision is not None
    assert result.provision.per_token_j == pytest.approx(500 * 100 / 400)
    assert result.energy_per_unit.value == pytest.approx(100 * 100 / 400, rel=1e-3)
    text = score_text([result])
    assert "0.50 kW, 125 J/token provisioned; utilisation of provision 20.0 %" in text
    document = result_document([result])
    check("result", json.loads(json.dumps(document)))
    assert document["entries"][0]["provisioned"]["power_kw"] == 0.5


def test_without_tokens_there_is_no_energy_per_token() -> None:
    provision = with_provision(score(entry("a", 100.0), draws=10_000), 0.5).provision
    assert provision is not None
    assert provision.per_token_j is None


def test_a_narrow_boundary_makes_the_utilisation_a_lower_bound() -> None:
    plain = measured()
    (run,) = plain.entry.runs
    (trace,) = run.traces
    board = replace(trace, channel=replace(trace.channel, boundary="board"))
    narrow = score(replace(plain.entry, runs=(replace(run, traces=(board,)),)), draws=10_000)
    assert any("lower bound" in note for note in with_provision(narrow, 0.5).notes)
    assert not any("lower bound" in note for note in with_provision(plain, 0.5).notes)


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scored(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    write_entry(measured().entry, tmp_path / "runs")

    def run(content: str) -> tuple[int, str, str]:
        (tmp_path / "system_power.json").write_text(content)
        words = [str(tmp_path / "runs"), "--provisioned", str(tmp_path / "system_power.json")]
        with pytest.raises(SystemExit) as ended:
            main(["score", *words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_the_command_reads_the_descriptor(scored: Command) -> None:
    code, out, _ = scored(json.dumps(Package().power))
    assert code == 0
    assert "21.00 kW" in out
    assert "utilisation of provision 0.5 %" in out


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"node_sets": 3}', '{"node_sets": [{}]}'])
def test_a_descriptor_without_a_total_is_refused(content: str, scored: Command) -> None:
    code, out, err = scored(content)
    assert code == 2
    assert out == ""
    assert "system_power.json" in err
    assert "Traceback" not in err
