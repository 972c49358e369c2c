"""What a cheat or a careless vendor might do to a training package, one small function each.

Each changes a simulated package. The tampers of the first block all pass MLPerf's own checker.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.auditing.rules import builders as b

RUNS, NODES = 5, 4


class Tamper(NamedTuple):
    """A tamper.

    apply: changes a benchmark folder; rules: each must find it status: the worst outcome, fail,
    question or warn: what no tool of the round looked at is questioned
    """

    apply: Callable[[Path], object]
    rules: tuple[str, ...]
    status: str = "fail"


def logs(folder: Path) -> list[Path]:
    """Node logs of all runs."""
    return sorted(folder.glob("power/*/node_*.txt"))


def switches(folder: Path) -> list[Path]:
    return sorted(folder.glob("power/*/sw_*.txt"))


def results(folder: Path) -> list[Path]:
    return sorted(folder.glob("result_*.txt"))


def value(line: str) -> float:
    return float(json.loads(line.split(":::MLLOG ")[1])["value"])


def stamp(line: str) -> int:
    return int(json.loads(line.split(":::MLLOG ")[1])["time_ms"])


def each(
    folder: Path, change: Callable[[int, str], str | None], having: str = "power_reading"
) -> None:
    """Change each line of all node logs that holds a text."""
    for path in logs(folder):
        b.edit_lines(path, change, having)


def each_result(folder: Path, key: str, **given: object) -> None:
    for path in results(folder):
        b.edit_lines(path, lambda _, line: b.set_mllog(line, **given), f'"{key}"')


def window_ms(path: Path) -> tuple[int, int]:
    """run_start and run_stop of a result log."""
    lines = path.read_text("utf-8").splitlines()
    start, stop = (
        next(line for line in lines if f'"{key}"' in line) for key in ("run_start", "run_stop")
    )
    return stamp(start), stamp(stop)


def of_run(path: Path) -> Path:
    """The result log of a node log."""
    return path.parents[2] / f"{path.parent.name}.txt"


# The table of the reference


def efficiency_of_a_half(folder: Path) -> None:
    each(
        folder,
        lambda _, line: line + b.set_mllog(line, key="conversion_eff", value=0.5),
        "power_measurement_start",
    )


def all_readings_halved(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=value(line) / 2))


def every_third_negative(folder: Path) -> None:
    each(folder, lambda k, line: b.set_mllog(line, value=-value(line)) if k % 3 == 0 else line)


def ten_idle_minutes_before_the_stop(folder: Path) -> None:
    def more(_: int, line: str) -> str:
        idle = (
            b.set_mllog(line, key="power_reading", value=900, time_ms=stamp(line) + 1000 * k)
            for k in range(1, 601)
        )
        return "".join(idle) + b.set_mllog(line, time_ms=stamp(line) + 601_000)

    each(folder, more, "power_measurement_stop")


def only_the_first_reading_kept(folder: Path) -> None:
    each(folder, lambda k, line: None if k else line)


def high_readings_deleted(folder: Path) -> None:
    each(folder, lambda _, line: None if value(line) > 6100 else line)


def all_stamps_a_year_back(folder: Path) -> None:
    for path in logs(folder):
        b.shift_log(path, -365 * 86400)


def one_power_log_for_all_runs(folder: Path) -> None:
    first, *others = sorted((folder / "power").iterdir())
    for other in others:
        for path in other.iterdir():
            shutil.copy(first / path.name, path)


def half_the_lines_malformed(folder: Path) -> None:
    each(folder, lambda k, line: line if k % 2 else line.replace("}", ""))


def no_stop_line(folder: Path) -> None:
    each(folder, lambda *_: None, "power_measurement_stop")


def values_as_strings(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=str(value(line))))


def no_start_line(folder: Path) -> None:
    each(folder, lambda *_: None, "power_measurement_start")


def stop_at_start(folder: Path) -> None:
    for path in logs(folder):
        at = b.first_ms(path)
        b.edit_lines(
            path, lambda _, line, at=at: b.set_mllog(line, time_ms=at), "power_measurement_stop"
        )


def one_run_without_power(folder: Path) -> None:
    shutil.rmtree(folder / "power" / "result_3")


def half_a_scaling_planted(folder: Path) -> None:
    (folder / "scaling.json").write_text('{"scaling_factor": 0.5}', "utf-8")


def half_the_node_logs_removed(folder: Path) -> None:
    for path in logs(folder):
        if path.stem in ("node_2", "node_3"):
            path.unlink()


def half_the_node_logs_renamed(folder: Path) -> None:
    for path in logs(folder):
        if path.stem in ("node_2", "node_3"):
            path.rename(path.with_suffix(".png"))


def switch_logs_removed(folder: Path) -> None:
    for path in switches(folder):
        path.unlink()


TABLE: dict[str, Tamper] = {
    "conversion_eff 0.94 -> 0.5": Tamper(efficiency_of_a_half, ("conversion-efficiency",), "warn"),
    "all readings halved": Tamper(all_readings_halved, ("power-plausible",), "warn"),
    "every 3rd reading negative": Tamper(every_third_negative, ("reading-values",)),
    "+600 s at 900 W before stop": Tamper(ten_idle_minutes_before_the_stop, ("padding",), "warn"),
    "only the first reading kept": Tamper(only_the_first_reading_kept, ("coverage",)),
    "high readings deleted": Tamper(high_readings_deleted, ("largest-gap",), "question"),
    "all power timestamps - 1 year": Tamper(all_stamps_a_year_back, ("power-log-date", "coverage")),
    "one run's power log copied to all runs": Tamper(
        one_power_log_for_all_runs, ("duplicate-traces", "power-log-date")
    ),
    "half the lines malformed JSON": Tamper(
        half_the_lines_malformed, ("malformed-lines", "sampling-rate")
    ),
    "no stop line": Tamper(no_stop_line, ("stop-after-start",), "warn"),
    "values as strings": Tamper(values_as_strings, ("evidence-readable",), "warn"),
    "no start line": Tamper(no_start_line, ("stop-after-start",), "warn"),
    "stop time = start time": Tamper(stop_at_start, ("stop-after-start",), "warn"),
    "one run without power folder": Tamper(
        one_run_without_power, ("evidence-readable", "coverage", "node-count")
    ),
    "scaling.json 0.5 planted (closed)": Tamper(half_a_scaling_planted, ("scaling-factor",)),
    "half the node logs removed": Tamper(half_the_node_logs_removed, ("node-count",)),
    "half the node logs renamed .png": Tamper(half_the_node_logs_renamed, ("node-count",)),
    "switch logs removed": Tamper(switch_logs_removed, ("estimates-declared",), "question"),
}
"""Name in the reference -> the tamper. Its last row, a measured switch declared as rated at 691
W, is legal."""


# More of the kind


def one_log_moved_to_all_runs(folder: Path) -> None:
    for path in logs(folder):
        first = b.node(folder, 0, int(path.stem[-1]))
        if path != first:
            then = b.first_ms(path)
            shutil.copy(first, path)
            b.shift_log(path, (then - b.first_ms(path)) / 1000)


def one_node_scaled_to_the_others(folder: Path) -> None:
    for path in logs(folder):
        if path.stem != "node_0":
            shutil.copy(path.with_stem("node_0"), path)
            b.shift_log(path, 0.002 * int(path.stem[-1]), 1 - 0.004 * int(path.stem[-1]))


def one_run_moved_and_scaled_to_the_others(folder: Path) -> None:
    one_log_moved_to_all_runs(folder)
    for run in range(1, RUNS):
        for number in range(NODES):
            b.shift_log(b.node(folder, run, number), 0.4, 1 + 0.003 * run)


def node_logs_copied(folder: Path) -> None:
    for path in logs(folder):
        if path.stem == "node_1":
            shutil.copy(path.with_stem("node_0"), path)


def every_second_reading_removed(folder: Path) -> None:
    each(folder, lambda k, line: None if k % 2 else line)


def the_dearest_half_minute_removed(folder: Path) -> None:
    for path in logs(folder):
        low, high = window_ms(of_run(path))
        middle = (low + high) // 2
        b.edit_lines(
            path,
            lambda _, line, at=middle: None if abs(stamp(line) - at) < 15_000 else line,
            "power_reading",
        )


def silences_of_three_seconds_spread(folder: Path) -> None:
    each(folder, lambda k, line: None if k % 9 in (0, 1) else line)


def log_cut_before_the_end(folder: Path) -> None:
    each(folder, lambda k, line: None if k > 60 else line)


def log_of_the_idle_edges_only(folder: Path) -> None:
    for path in logs(folder):
        low, high = window_ms(of_run(path))
        b.edit_lines(
            path,
            lambda _, line, at=(low, high): None if at[0] < stamp(line) < at[1] else line,
            "power_reading",
        )


def factor_in_the_open_division(folder: Path) -> None:
    b.describe(folder, division="open")
    (folder / "scaling.json").write_text('{"scaling_factor": 0.9}', "utf-8")


def factor_as_text(folder: Path) -> None:
    (folder / "scaling.json").write_text('{"scaling_factor": "0.7"}', "utf-8")


def factor_of_nonsense(folder: Path) -> None:
    (folder / "scaling.json").write_text('{"scaling_factor": 1e-9, "scaling_factor": -1}', "utf-8")


def dearest_run_left_out(folder: Path) -> None:
    shutil.rmtree(folder / "power" / "result_4")
    (folder / "result_4.txt").unlink()


def result_log_left_out(folder: Path) -> None:
    (folder / "result_4.txt").unlink()


def run_entered_twice(folder: Path) -> None:
    shutil.copy(folder / "result_0.txt", folder / "result_4.txt")
    shutil.rmtree(folder / "power" / "result_4")
    shutil.copytree(folder / "power" / "result_0", folder / "power" / "result_4")


def result_log_copied(folder: Path) -> None:
    shutil.copy(folder / "result_0.txt", folder / "result_4.txt")


def seeds_removed(folder: Path) -> None:
    for path in results(folder):
        b.edit_lines(path, lambda *_: None, '"seed"')


def switch_of_three_watts(folder: Path) -> None:
    for path in switches(folder):
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=3), "interconnect")


def switch_line_of_an_example(folder: Path) -> None:
    for path in switches(folder):
        b.edit_lines(
            path, lambda _, line: b.set_mllog(line, time_ms=1_652_749_794_206), "interconnect"
        )


def switch_of_zero_watts(folder: Path) -> None:
    for path in switches(folder):
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=0), "interconnect")


def switch_below_zero(folder: Path) -> None:
    for path in switches(folder):
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=-9000), "interconnect")


def half_the_nodes_described_and_logged(folder: Path) -> None:
    half_the_node_logs_removed(folder)
    b.describe(folder, number_of_nodes=str(NODES // 2))


def a_node_log_too_many(folder: Path) -> None:
    for run in range(RUNS):
        shutil.copy(b.node(folder, run, 0), b.node(folder, run, 7))


def system_description_deleted(folder: Path) -> None:
    (folder.parents[2] / "systems" / "sim-1.json").unlink()


def _efficiency(share: float) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        each(
            folder,
            lambda _, line: line + b.set_mllog(line, key="conversion_eff", value=share),
            "power_measurement_start",
        )

    return apply


def half_a_minute_of_zeros(folder: Path) -> None:
    each(folder, lambda k, line: b.set_mllog(line, value=0) if 20 <= k < 50 else line)


def readings_too_large_for_a_number(folder: Path) -> None:
    each(
        folder,
        lambda k, line: (
            line.replace(f'"value": {value(line):g}', '"value": 1e400') if k % 5 == 0 else line
        ),
    )


def readings_that_are_words(folder: Path) -> None:
    each(folder, lambda k, line: b.set_mllog(line, value="n/a") if k % 4 == 0 else line)


def readings_without_a_time(folder: Path) -> None:
    each(folder, lambda k, line: b.set_mllog(line, time_ms=None) if k % 4 == 0 else line)


def run_was_aborted(folder: Path) -> None:
    each_result(folder, "run_stop", metadata={"status": "aborted"})


def target_was_missed(folder: Path) -> None:
    each_result(folder, "eval_accuracy", value=0.2)


def run_stop_moved_to_half(folder: Path) -> None:
    for path in results(folder):
        low, high = window_ms(path)
        b.edit_lines(
            path, lambda _, line, at=(low + high) // 2: b.set_mllog(line, time_ms=at), '"run_stop"'
        )


def run_start_moved_to_half(folder: Path) -> None:
    for path in results(folder):
        low, high = window_ms(path)
        b.edit_lines(
            path, lambda _, line, at=(low + high) // 2: b.set_mllog(line, time_ms=at), '"run_start"'
        )


def run_stop_before_run_start(folder: Path) -> None:
    for path in results(folder):
        low, _ = window_ms(path)
        b.edit_lines(
            path, lambda _, line, at=low - 5000: b.set_mllog(line, time_ms=at), '"run_stop"'
        )


def run_stop_removed(folder: Path) -> None:
    for path in results(folder):
        b.edit_lines(path, lambda *_: None, '"run_stop"')


def node_log_is_a_link(folder: Path) -> None:
    b.node(folder, 1, 1).unlink()
    os.symlink(b.node(folder, 0, 1), b.node(folder, 1, 1))


def power_folder_is_a_link(folder: Path) -> None:
    shutil.rmtree(folder / "power" / "result_1")
    os.symlink(folder / "power" / "result_0", folder / "power" / "result_1")


def local_time(folder: Path) -> None:
    for path in logs(folder):
        b.shift_log(path, 5.5 * 3600)


def stamps_twice_as_dense(folder: Path) -> None:
    for path in logs(folder):
        first = b.first_ms(path)
        b.edit_lines(
            path,
            lambda _, line, at=first: b.set_mllog(line, time_ms=at + (stamp(line) - at) // 2),
            "power_reading",
        )


def one_stamp_for_all(folder: Path) -> None:
    for path in logs(folder):
        first = b.first_ms(path)
        b.edit_lines(
            path, lambda _, line, at=first: b.set_mllog(line, time_ms=at + 9000), "power_reading"
        )


def lines_out_of_order(folder: Path) -> None:
    for path in logs(folder):
        head, *body, tail = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join([head, *body[::-1], tail]), "utf-8")


def a_harder_benchmark_claimed(folder: Path) -> None:
    each_result(folder, "submission_benchmark", value="resnet")


def closed_logs_described_as_open(folder: Path) -> None:
    b.describe(folder, division="open")


def logs_emptied(folder: Path) -> None:
    for path in logs(folder):
        path.write_text("", "utf-8")


def token_broken(folder: Path) -> None:
    each(folder, lambda k, line: line.replace(":::MLLOG", ":::MLOG") if k % 3 == 0 else line)


def readings_in_kilowatts(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=value(line) / 1000))


def accelerators_only(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=0.45 * value(line)))


MORE: dict[str, Tamper] = {
    "one log moved to the times of all runs": Tamper(one_log_moved_to_all_runs, ("near-copies",)),
    "one node scaled to the others": Tamper(
        one_node_scaled_to_the_others, ("near-copies",), "warn"
    ),
    "one run moved and scaled to the others": Tamper(
        one_run_moved_and_scaled_to_the_others, ("near-copies",), "warn"
    ),
    "node logs copied": Tamper(node_logs_copied, ("duplicate-traces",)),
    "every second reading removed": Tamper(
        every_second_reading_removed, ("sampling-rate",), "question"
    ),
    "half a minute removed": Tamper(the_dearest_half_minute_removed, ("largest-gap",), "question"),
    "short silences, spread": Tamper(
        silences_of_three_seconds_spread, ("largest-gap",), "question"
    ),
    "log cut before the end": Tamper(log_cut_before_the_end, ("coverage",), "question"),
    "log of the idle edges only": Tamper(log_of_the_idle_edges_only, ("coverage",)),
    "a factor in the open division": Tamper(factor_in_the_open_division, ("scaling-factor",)),
    "a factor as text": Tamper(factor_as_text, ("scaling-factor",)),
    "a factor given twice": Tamper(factor_of_nonsense, ("evidence-readable",)),
    "a run left out": Tamper(dearest_run_left_out, ("run-count",)),
    "a result log left out": Tamper(result_log_left_out, ("run-count", "evidence-readable")),
    "a run entered twice": Tamper(run_entered_twice, ("duplicate-traces",)),
    "a result log copied": Tamper(result_log_copied, ("power-log-date",)),
    "a result log copied, by its seeds": Tamper(result_log_copied, ("run-seeds",), "warn"),
    "seeds removed": Tamper(seeds_removed, ("run-seeds",), "warn"),
    "a switch of three watts": Tamper(switch_of_three_watts, ("interconnect-plausible",), "warn"),
    "a switch line of an example": Tamper(
        switch_line_of_an_example, ("interconnect-plausible",), "warn"
    ),
    "a switch of zero watts": Tamper(switch_of_zero_watts, ("estimates-declared",), "question"),
    "a switch below zero": Tamper(switch_below_zero, ("estimates-declared",), "question"),
    "half the nodes described and logged": Tamper(
        half_the_nodes_described_and_logged, ("description-matches-log",), "warn"
    ),
    "a node log too many": Tamper(a_node_log_too_many, ("node-count", "duplicate-traces")),
    "system description deleted": Tamper(system_description_deleted, ("evidence-readable",)),
    "an efficiency above one": Tamper(_efficiency(1.2), ("conversion-efficiency",)),
    "an efficiency of zero": Tamper(_efficiency(0.0), ("conversion-efficiency",)),
    "an efficiency below zero": Tamper(_efficiency(-0.9), ("conversion-efficiency",)),
    "half a minute of zeros": Tamper(half_a_minute_of_zeros, ("reading-values", "largest-gap")),
    "readings too large for a number": Tamper(
        readings_too_large_for_a_number, ("malformed-lines",)
    ),
    "readings that are words": Tamper(readings_that_are_words, ("reading-values",)),
    "readings without a time": Tamper(readings_without_a_time, ("reading-values",)),
    "the run was aborted": Tamper(run_was_aborted, ("result-valid",)),
    "the target was missed": Tamper(target_was_missed, ("result-valid",)),
    "run_stop moved to half": Tamper(run_stop_moved_to_half, ("padding",), "warn"),
    "run_start moved to half": Tamper(run_start_moved_to_half, ("padding",), "warn"),
    "run_stop before run_start": Tamper(run_stop_before_run_start, ("window-present",)),
    "run_stop removed": Tamper(run_stop_removed, ("window-present",)),
    "a node log is a link": Tamper(node_log_is_a_link, ("evidence-readable", "node-count")),
    "a power folder is a link": Tamper(power_folder_is_a_link, ("evidence-readable", "node-count")),
    "stamps in local time": Tamper(local_time, ("clock-zone",), "warn"),
    "stamps twice as dense": Tamper(stamps_twice_as_dense, ("coverage",), "question"),
    "one stamp for all": Tamper(one_stamp_for_all, ("coverage",)),
    "lines out of order": Tamper(lines_out_of_order, ("time-order",), "warn"),
    "another benchmark in the logs": Tamper(
        a_harder_benchmark_claimed, ("description-matches-log",), "warn"
    ),
    "closed logs described as open": Tamper(
        closed_logs_described_as_open, ("description-matches-log",), "warn"
    ),
    "logs emptied": Tamper(logs_emptied, ("evidence-readable", "node-count")),
    "the token broken": Tamper(token_broken, ("malformed-lines",)),
    "readings in kilowatts": Tamper(readings_in_kilowatts, ("power-plausible",), "warn"),
    "the accelerators only": Tamper(accelerators_only, ("power-plausible",), "warn"),
}


# Not seen, and why


def every_reading_a_tenth_lower(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=round(value(line) * 0.9)))


def a_constant_taken_off(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=value(line) - 500))


def readings_clipped(folder: Path) -> None:
    each(folder, lambda _, line: b.set_mllog(line, value=min(value(line), 5000)))


def readings_made_up(folder: Path) -> None:
    draws = np.random.default_rng(1)
    each(folder, lambda _, line: b.set_mllog(line, value=int(draws.normal(6200, 90))))


def efficiency_a_little_low(folder: Path) -> None:
    _efficiency(0.8)(folder)


def switch_at_a_tenth(folder: Path) -> None:
    for path in switches(folder):
        b.edit_lines(
            path, lambda _, line: b.set_mllog(line, value=value(line) / 10), "interconnect"
        )


UNSEEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "every reading a tenth lower": (
        every_reading_a_tenth_lower,
        "the meter is trusted: nothing else in a training package measures power",
    ),
    "a constant taken off": (
        a_constant_taken_off,
        "as above; only below the plausible floor is it seen",
    ),
    "readings clipped": (readings_clipped, "a power cap looks the same"),
    "readings made up, within what the parts draw": (
        readings_made_up,
        "nothing ties a reading to its meter",
    ),
    "an efficiency of 0.8": (
        efficiency_a_little_low,
        "supplies of 80 % exist; no package names its supply",
    ),
    "a switch at a tenth": (
        switch_at_a_tenth,
        "no package names its switch; above 10 W a node it is plausible",
    ),
}
