"""The text that Prometheus scrapes."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from fakes.watched import LIVING, PACKAGE, WITH_DEAD, state

from harness.live.monitor.watch import Snapshot
from harness.render.watch.prometheus import prometheus_text


def samples(snapshot: Snapshot) -> list[str]:
    return [line for line in prometheus_text(snapshot).splitlines() if not line.startswith("#")]


def test_each_channel_has_power_energy_and_place() -> None:
    lines = samples(LIVING)
    assert 'joulemark_power_watts{channel="package-0",kind="counter",meter="rapl"} 100.5' in lines
    assert (
        'joulemark_energy_joules_total{channel="core",kind="counter",meter="rapl"} 700.0' in lines
    )
    assert (
        'joulemark_channel_info{channel="core",kind="counter",meter="rapl",boundary="package",'
        'part="core",within="package-0"} 1'
    ) in lines
    assert 'joulemark_channel_summed{channel="core",kind="counter",meter="rapl"} 0' in lines
    assert 'joulemark_summed_power_watts{origin="measured"} 100.5' in lines


def test_what_is_not_known_has_no_sample() -> None:
    lines = samples(WITH_DEAD)
    dead = [line.partition("{")[0] for line in lines if 'channel="dram"' in line]
    assert "joulemark_power_watts" not in dead
    assert "joulemark_energy_joules_total" not in dead
    assert "joulemark_read_failures_total" in dead
    assert not [line for line in lines if line.startswith("joulemark_summed")]


def test_a_modelled_sum_says_so() -> None:
    channel = replace(PACKAGE.channel, kind="estimate", quantity="power", unit="W")
    lines = samples(Snapshot((replace(PACKAGE, channel=channel),), 1.0))
    assert 'joulemark_summed_power_watts{origin="modelled"} 100.5' in lines
    assert 'joulemark_power_watts{channel="package-0",kind="estimate",meter="rapl"} 100.5' in lines


def test_names_are_escaped() -> None:
    lines = samples(Snapshot((state('a"b\\c\nd', None, 1.0, 1.0),), 1.0))
    assert lines[0].startswith(r'joulemark_power_watts{channel="a\"b\\c\nd",')


def test_promtool_accepts_names_types_and_form() -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    text = prometheus_text(WITH_DEAD).encode()
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
