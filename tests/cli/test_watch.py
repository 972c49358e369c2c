"""The command `watch`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import cli

HEADER = {
    "schema_version": "1.0", "id": "board", "quantity": "power", "unit": "W", "kind": "instant",
    "boundary": "board", "meter": "unknown-sensor", "calibration_id": "b/1",
    "accuracy": {"reading_limit_pct": 5, "source": "test"}, "clock": "own", "clock_error_s": 0.01,
}  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["watch", *arguments])


@pytest.fixture
def meter(tmp_path: Path) -> str:
    path = tmp_path / "power.csv"
    path.write_text(f"# joulemark-trace: {json.dumps(HEADER)}\nt_ns,power_w\n")
    return f"--meter=file:path={path}"


def test_json_ends_with_a_document(meter: str) -> None:
    done = run(meter, "--duration", "0", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    (channel,) = document["channels"]
    assert (channel["id"], channel["summed"], channel["power_w"]) == ("board", True, None)
    assert (document["power_w"], document["energy_j"]) == (None, None)


def test_without_a_terminal_it_prints_lines() -> None:
    done = run("--meter=estimator:idle_w=8,busy_w=8", "--interval", "0.05", "--duration", "0.2")
    assert done.exit_code == 0, done.output
    assert "8.000 W" in done.stdout
    assert "(modelled, not measured): processors 8.000 W" in done.stdout
    assert "joulemark: sum: processors" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prometheus", "port"], "port is no port; write 9400"),
        (["--prometheus", "99999"], "99999 is no port"),
        (["--interval", "0"], "--interval"),
        (["--duration", "nan"], "--duration"),
    ],
)
def test_fail_bad_options(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_while_it_exports(sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "harness", "watch", "--meter", "estimator", "--interval=0.1"]
    with subprocess.Popen(
        [*command, "--prometheus", "0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        url = next(line for line in process.stderr if "serving" in line).split()[-1]
        text = urllib.request.urlopen(url, timeout=5).read().decode()
        process.send_signal(sent)
        try:
            last = process.communicate(timeout=20)[1].splitlines()
        finally:
            process.kill()
    assert process.returncode == 0
    assert 'joulemark_channel_info{channel="processors",kind="estimate"' in text
    assert len(last) == 1
    assert "modelled, not measured" in last[0]
