"""What is watched, as people see it."""

from __future__ import annotations

from dataclasses import replace

from fakes.watched import CORES, LIVING, PACKAGE, WITH_DEAD

from harness.live.monitor.watch import Snapshot
from harness.render.terminal.watch import watch_line, watch_table


def test_a_table_shows_the_tree_and_its_sum() -> None:
    head, package, cores, total = watch_table(LIVING)
    assert head.split() == ["power", "energy"]
    assert package.startswith("+ package-0")
    assert package.split()[2:6] == ["100.5", "W", "1.234", "kJ"]
    assert cores.startswith("  core")
    assert total.split()[:5] == ["sum", "100.5", "W", "1.234", "kJ"]
    assert total.endswith("in 12 s")


def test_a_dead_counter_has_dashes_and_its_reason() -> None:
    dead, total = watch_table(WITH_DEAD)[-2:]
    assert dead.split()[2:4] == ["-", "-"]
    assert "did not move" in dead
    assert total.split()[1:3] == ["-", "-"]


def test_a_line_names_what_adds_up() -> None:
    assert watch_line(LIVING) == "100.5 W, 1.234 kJ in 12 s: package-0 100.5 W"


def test_a_model_is_no_measurement() -> None:
    channel = replace(PACKAGE.channel, kind="estimate")
    snapshot = Snapshot((replace(PACKAGE, channel=channel), CORES), 12.0)
    assert "(modelled, not measured)" in watch_line(snapshot)
    assert "modelled, not measured" in watch_table(snapshot)[1]
