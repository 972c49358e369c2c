"""What a cheat or a careless vendor might do to recorded runs, one small function each.

Afterwards the forger restates the hashes in each run record and the chain of each journal, except
where that is the edit itself. tests/auditing/rules/evidence/test_traces_from_journals.py also
tests journals against traces, with the chain alone restated.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import harness.traces.journal.writer as journal_module
from harness.formats.base import Entry, Quality, Quantity, Work
from harness.live.recording import create_run_directory, finalise
from harness.runners.base import Outcome
from harness.runners.workload import find_workload
from harness.traces.channel import Accuracy, Channel
from harness.traces.csv_store import read_csv, write_csv
from harness.traces.instruments import instrument
from harness.traces.journal.chain import LINK, Chain
from harness.traces.journal.writer import MAGIC, Journal
from harness.traces.trace import Trace, Window
from tests.signing.live import state_hashes

NS = 1_000_000_000
T0_NS = 1_800_000_000 * NS
REST_S, WORK_S, PER_SECOND, RUNS = 3, 24, 4, 3
WALL, BOARD = "wall", "board"


class Tamper(NamedTuple):
    """A tamper. apply: changes the folder of an entry; rule: that must find it; status: of that
    finding"""

    apply: Callable[[Path], object]
    rule: str
    status: str = "fail"


# A series of runs, as `joulemark run digits-training` records it, with a wall meter and a board
# sensor


def record(root: Path) -> Path:
    """Three runs of a training; the folder of the entry."""
    entry = Entry(
        id="work",
        directory=root / "work",
        format="joulemark",
        round="joulemark-2026",
        task="training",
        submitter="Tree Labs",
        system="box",
        benchmark="digits-training",
        scenario="time-to-train",
    )
    for number in range(1, RUNS + 1):
        folder = entry.directory / f"run-{number}"
        start = T0_NS + number * 3600 * NS
        create_run_directory(folder, entry)
        for name, channel in (("meter", wall_channel()), ("nvml", board_channel())):
            write_journal(folder / "samples" / f"{name}.csv", channel, start, number)
        begin = start + REST_S * NS
        outcome = write_log(
            folder / "log" / f"result_{number}.txt", Window(begin, begin + WORK_S * NS), number
        )
        end = outcome.window.stop_ns
        idle = {"before": Window(start, begin), "after": Window(end, end + REST_S * NS)}
        finalise(folder, entry, outcome, idle)
    return entry.directory


def wall_channel() -> Channel:
    return Channel(
        id=WALL,
        kind="mean",
        boundary="wall",
        meter="yokogawa-wt310e",
        calibration_id="wt310e:C1",
        clock="system",
        clock_error_s=0.01,
        nominal_interval_s=1 / PER_SECOND,
        accuracy=instrument("yokogawa-wt310e").accuracy(range_w=1500.0),
    )


def board_channel() -> Channel:
    return replace(
        wall_channel(),
        id=BOARD,
        kind="instant",
        boundary="board",
        meter="nvidia-nvml",
        calibration_id="nvml:GPU-1",
        accuracy=Accuracy(reading_limit_pct=5.0, source="NVML documentation"),
    )


def write_journal(path: Path, channel: Channel, start_ns: int, seed: int) -> None:
    """Rest, work, rest; each run has noise of its own."""
    noise = np.random.default_rng([seed, channel.id == WALL])
    now = [start_ns]
    with mock.patch.object(journal_module, "both_clocks", side_effect=lambda: (now[0], now[0])):
        journal = Journal(
            path, [channel], {"meter": path.stem, "interval_s": 1 / PER_SECOND, "simulated": False}
        )
        for tick in range((2 * REST_S + WORK_S) * PER_SECOND + 1):
            now[0] = start_ns + tick * NS // PER_SECOND
            busy = REST_S * PER_SECOND <= tick <= (REST_S + WORK_S) * PER_SECOND
            power = (400.0 if busy else 150.0) * (
                1.0 if channel.id == WALL else 0.6
            ) + noise.normal(0, 4)
            journal.rows([journal.row(channel.id, now[0], now[0], 0, float(np.round(power, 3)))])
            if tick % PER_SECOND == 0:
                journal.clock()
        journal.end({"missed": 0, "hung": False})


def write_log(path: Path, window: Window, seed: int) -> Outcome:
    """The log of the training, and what the runner makes of it."""
    facts = {
        "seed": float(seed),
        "epochs_to_target": 1000.0 + seed,
        "samples_to_target": 1_077_000.0 + 1077 * seed,
    }
    data = {"data_sha256": find_workload("digits-training").spec["data"]["sha256"]}
    accuracy = 0.975 + seed / 1000
    rows: list[tuple[int, str, object, Mapping[str, Any]]] = [
        *((window.start_ns, key, value, {}) for key, value in (facts | data).items()),
        (window.start_ns, "run_start", None, {}),
        (window.stop_ns, "run_stop", None, {"status": "success"}),
        (window.stop_ns, "test_accuracy", accuracy, {}),
    ]
    lines = [
        {
            "namespace": "",
            "time_ms": at // 1_000_000,
            "event_type": "x",
            "key": key,
            "value": value,
            "metadata": more,
        }
        for at, key, value, more in rows
    ]
    path.parent.mkdir(parents=True)
    path.write_text("".join(f":::MLLOG {json.dumps(line)}\n" for line in lines), "utf-8")
    return Outcome(
        window=window,
        success=True,
        work=Work(1.0, "run"),
        quality=Quality("test_accuracy", accuracy, 0.97),
        performance=Quantity(window.seconds / 60, "min", "time to train"),
        facts=facts,
    )


# Tools of the forger


def runs(folder: Path) -> list[Path]:
    return sorted(folder.glob("run-*"))


def document(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Edit a run record."""
    path = run / "run.json"
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def each(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    for run in runs(folder):
        document(run, change)


def log(run: Path, key: str, **given: object) -> None:
    """Edit the lines of a key in the log of a training."""
    (path,) = (run / "log").glob("result_*.txt")
    lines = [
        json.loads(text.removeprefix(":::MLLOG ")) for text in path.read_text("utf-8").splitlines()
    ]
    changed = [line | given if line["key"] == key else line for line in lines]
    assert changed != lines
    path.write_text("".join(f":::MLLOG {json.dumps(line)}\n" for line in changed), "utf-8")


def trace(run: Path, change: Callable[[Trace], Trace], name: str = WALL) -> None:
    """Edit a trace, and what identifies it in the record."""
    path = run / "traces" / f"{name}.csv"
    made = change(read_csv(path))
    write_csv(made, path)

    def restate(content: dict[str, Any]) -> None:
        (item,) = [item for item in content["traces"] if item["path"].endswith(f"/{name}.csv")]
        item["content_sha256"] = made.content_sha256

    document(run, restate)


def journal(run: Path, change: Callable[[list[str]], list[str]], name: str = "meter") -> None:
    """Edit the lines of a journal and make its chain anew."""
    path = run / "samples" / f"{name}.csv"
    chain, out = Chain(), []
    for line in change(
        [text for text in path.read_text().splitlines(keepends=True) if not text.startswith(LINK)]
    ):
        out.append(line.encode())
        chain.add(out[-1])
        if line.startswith(("# clock: ", "# end: ")):
            out.append(chain.link())
    path.write_bytes(b"".join(out))


def header(run: Path, change: Callable[[dict[str, Any]], object], name: str = "meter") -> None:
    """Edit the header of a journal."""

    def head(lines: list[str]) -> list[str]:
        about = json.loads(lines[0].removeprefix(MAGIC))
        change(about)
        return [MAGIC + json.dumps(about) + "\n", *lines[1:]]

    journal(run, head, name)


def channel(folder: Path, **given: Any) -> None:
    """Edit the wall channel in the traces alone."""
    for run in runs(folder):
        trace(run, lambda t: replace(t, channel=replace(t.channel, **given)))


def channel_everywhere(folder: Path, **given: Any) -> None:
    """Edit the wall channel in traces and journals."""
    channel(folder, **given)
    plain = {key: _plain(value) for key, value in given.items()}
    for run in runs(folder):
        header(run, lambda about: about["channels"][0].update(plain))


def _plain(value: Any) -> Any:
    return (
        {"reading_limit_pct": value.reading_limit_pct, "source": value.source}
        if hasattr(value, "source")
        else value
    )


def drop_rows(lines: list[str], lost: Callable[[int], bool]) -> list[str]:
    """Take out readings by their number."""
    number, kept = -1, []
    for line in lines:
        number += line[0].isdigit()
        if not (line[0].isdigit() and lost(number)):
            kept.append(line)
    return kept


# Tampers with the record


def window_cut(folder: Path) -> None:
    """Five seconds less, in all that follows from the window."""

    def cut(content: dict[str, Any]) -> None:
        content["window"]["stop"] = re.sub(r":27(?=[.Z])", ":22", content["window"]["stop"])
        content["seconds"] = WORK_S - 5.0
        content["performance"]["value"] = (WORK_S - 5.0) / 60

    each(folder, cut)


def window_at_rest(folder: Path) -> None:
    def move(content: dict[str, Any]) -> None:
        for key, old, new in (("start", "03", "00"), ("stop", "27", "24")):
            content["window"][key] = re.sub(rf":{old}(?=[.Z])", f":{new}", content["window"][key])

    each(folder, move)


def time_to_train_lowered(folder: Path) -> None:
    each(
        folder,
        lambda content: content["performance"].update(value=content["performance"]["value"] * 0.9),
    )


def duration_lowered(folder: Path) -> None:
    each(folder, lambda content: content.update(seconds=20.0))


def quality_raised(folder: Path) -> None:
    each(folder, lambda content: content["quality"].update(value=0.999))


def target_lowered(folder: Path) -> None:
    each(folder, lambda content: content["quality"].update(target=0.9))


def quality_under_a_lowered_target(folder: Path) -> None:
    """The training missed 0.97; record and log agree, and the target was lowered to fit."""
    for run in runs(folder):
        log(run, "test_accuracy", value=0.95)
    each(folder, lambda content: content["quality"].update(value=0.95, target=0.94))


def other_data(folder: Path) -> None:
    """Trained and judged on other data than the workload registers."""
    for run in runs(folder):
        log(run, "data_sha256", value="0" * 64)


def failed_run_called_success(folder: Path) -> None:
    log(runs(folder)[0], "run_stop", metadata={"status": "aborted"})


def steps_raised(folder: Path) -> None:
    each(folder, lambda content: content["facts"].update(samples_to_target=2_000_000.0))


def work_raised(folder: Path) -> None:
    each(folder, lambda content: content["work"].update(count=2.0))


def declared_energy_changed(folder: Path) -> None:
    each(folder, lambda content: content.update(declared_energy_j=5000.0))


def success_unknown(folder: Path) -> None:
    each(folder, lambda content: content.update(success=None))


def success_unknown_in_the_log_too(folder: Path) -> None:
    for run in runs(folder):
        log(run, "run_stop", metadata={})
    success_unknown(folder)


def quality_left_out(folder: Path) -> None:
    each(folder, lambda content: content.update(quality=None))


def quality_of_another_metric(folder: Path) -> None:
    each(folder, lambda content: content["quality"].update(metric="samples_to_target"))


def work_tenfold_without_logs(folder: Path) -> None:
    log_removed(folder)
    each(folder, lambda content: content["work"].update(count=10.0))


def logs_removed_and_called_a_block(folder: Path) -> None:
    """Nothing is left that a log could contradict, as in the record of a block of Python."""
    log_removed(folder)

    def as_block(content: dict[str, Any]) -> None:
        content.update(quality=None, performance=None)
        for key in ("seed", "epochs_to_target", "samples_to_target"):
            content["facts"].pop(key, None)

    each(folder, as_block)


def name_with_trailing_blanks(folder: Path) -> None:
    """Looks like the name of a bundled workload, and is none: no target is known of it."""
    each(folder, lambda content: content["entry"].update(benchmark="digits-training  "))


def name_with_a_hidden_letter(folder: Path) -> None:
    each(folder, lambda content: content["entry"].update(benchmark="digits\u200b-training"))


def seed_changed(folder: Path) -> None:
    document(runs(folder)[0], lambda content: content["facts"].update(seed=77.0))


def seeds_repeated(folder: Path) -> None:
    for run in runs(folder):
        log(run, "seed", value=9)
    each(folder, lambda content: content["facts"].update(seed=9.0))


def scaling_planted(folder: Path) -> None:
    each(folder, lambda content: content["entry"].update(scaling_factor=0.5))


def round_of_others(folder: Path) -> None:
    """A round whose rules know nothing of records, and a window cut under it."""
    each(folder, lambda content: content["entry"].update(round="mlperf-training-v4.0"))
    window_cut(folder)


def sampler_forgotten(folder: Path) -> None:
    """The record no longer says that it is of a live run."""
    each(folder, lambda content: content["facts"].pop("sampler"))
    window_cut(folder)


# Tampers with the series


def run_left_out(folder: Path) -> None:
    shutil.rmtree(runs(folder)[1])


def bad_run_called_ranging(folder: Path) -> None:
    document(runs(folder)[1], lambda content: content.update(role="ranging"))


def run_entered_twice(folder: Path) -> None:
    shutil.copytree(runs(folder)[0], folder / "run-4")
    document(folder / "run-4", lambda content: content.update(id="run-4"))


def incomplete_run_called_complete(folder: Path) -> None:
    """A run that was interrupted: its marker becomes the record."""
    run = runs(folder)[0]

    def interrupted(content: dict[str, Any]) -> None:
        content["facts"]["incomplete"] = "it was interrupted"

    document(run, interrupted)


# Tampers with traces and journals


def scaled(folder: Path) -> None:
    for run in runs(folder):
        trace(run, lambda t: replace(t, value=t.value * 0.9))


def peaks_clipped(folder: Path) -> None:
    for run in runs(folder):
        trace(run, lambda t: replace(t, value=np.minimum(t.value, 395.0)))


def trace_of_another_run(folder: Path) -> None:
    """The better run's readings, moved into the window of another, in trace and journal."""
    better, worse = runs(folder)[0], runs(folder)[1]
    good, hour = read_csv(better / "traces" / f"{WALL}.csv"), 3600 * NS
    trace(worse, lambda t: replace(t, t_ns=good.t_ns + hour, value=good.value))
    text = (better / "samples" / "meter.csv").read_text()
    rows = re.sub(r"\b18\d{17}\b", lambda m: str(int(m[0]) + hour), text)
    (worse / "samples" / "meter.csv").write_text(rows)
    journal(worse, lambda lines: lines)


def trace_file_copied(folder: Path) -> None:
    """The trace of another run as it is, at its own hour."""
    better, worse = runs(folder)[0], runs(folder)[1]
    good = read_csv(better / "traces" / f"{WALL}.csv")
    trace(worse, lambda t: replace(t, t_ns=good.t_ns, value=good.value))


def channel_removed(folder: Path) -> None:
    """The wall meter goes; what the board drew is left."""
    for run in runs(folder):
        (run / "traces" / f"{WALL}.csv").unlink()
        document(
            run,
            lambda c: c.update(
                traces=[t for t in c["traces"] if not t["path"].endswith(f"{WALL}.csv")]
            ),
        )
        trace(run, lambda t: replace(t, channel=replace(t.channel, part_of=None)), BOARD)


def channel_and_journal_removed(folder: Path) -> None:
    channel_removed(folder)
    for run in runs(folder):
        (run / "samples" / "meter.csv").unlink()
        document(
            run,
            lambda c: c.update(files=[f for f in c["files"] if f["path"] != "samples/meter.csv"]),
        )


def wall_made_a_part_of_the_board(folder: Path) -> None:
    """The energy of the board counts, and the wall inside it does not."""
    channel(folder, part_of=BOARD)
    for run in runs(folder):
        trace(run, lambda t: replace(t, channel=replace(t.channel, part_of=None)), BOARD)


def kind_changed(folder: Path) -> None:
    channel(folder, kind="instant")


def kind_changed_everywhere(folder: Path) -> None:
    channel_everywhere(folder, kind="instant")


LOW = Accuracy(reading_limit_pct=0.001, source="our word")


def limits_lowered(folder: Path) -> None:
    channel(folder, accuracy=LOW)


def limits_lowered_everywhere(folder: Path) -> None:
    channel_everywhere(folder, accuracy=LOW)


def calibration_swapped(folder: Path) -> None:
    """The rival's meter: then its error cancels, and a tie becomes a victory."""
    channel(folder, calibration_id="wt310e:rival")


def clock_error_lowered(folder: Path) -> None:
    channel(folder, clock_error_s=0.0)


def boundary_relabelled(folder: Path) -> None:
    channel(folder, boundary="board")


def boundary_relabelled_everywhere(folder: Path) -> None:
    channel_everywhere(folder, boundary="board")


def sensor_called_wall_everywhere(folder: Path) -> None:
    """A chip's own sensor is shown as the whole machine."""
    channel_everywhere(
        folder, meter="nvidia-nvml", accuracy=Accuracy(reading_limit_pct=5.0, source="NVML")
    )


def model_called_measurement(folder: Path) -> None:
    channel_everywhere(
        folder, meter="declared-model", accuracy=Accuracy(reading_limit_pct=30.0, source="a model")
    )


def samples_deleted(folder: Path) -> None:
    """Each fourth reading, the high ones: from trace and journal, with a new chain."""
    for run in runs(folder):
        trace(run, lambda t: t.slice(0, 0) if not len(t) else _thin(t))
        journal(run, lambda lines: drop_rows(lines, lambda k: k % 4 == 3))


def _thin(t: Trace) -> Trace:
    keep = np.arange(len(t)) % 4 != 3
    return replace(t, t_ns=t.t_ns[keep], value=t.value[keep])


def rest_removed_from_the_trace(folder: Path) -> None:
    for run in runs(folder):
        trace(run, lambda t: t.slice(REST_S * PER_SECOND, (REST_S + WORK_S) * PER_SECOND))


def rest_removed_everywhere(folder: Path) -> None:
    """What the machine draws at rest is nobody's business, says the forger."""
    first, last = REST_S * PER_SECOND, (REST_S + WORK_S) * PER_SECOND
    for run in runs(folder):
        trace(run, lambda t: t.slice(first, last))
        journal(run, lambda lines: drop_rows(lines, lambda k: not first <= k < last))


def played_trace_called_real(folder: Path) -> None:
    for run in runs(folder):
        header(run, lambda about: about.update(simulated=True))


def clock_step_forgotten(folder: Path) -> None:
    """The clock was set during the run; the record no longer says so."""

    def stepped(lines: list[str]) -> list[str]:
        at = next(
            k
            for k, line in enumerate(lines)
            if line.startswith("# clock: ") and k > len(lines) // 2
        )
        t_ns, mono, cpu = json.loads(lines[at].removeprefix("# clock: "))
        return [*lines[:at], f"# clock: [{t_ns + 2 * NS},{mono},{cpu}]\n", *lines[at + 1 :]]

    journal(runs(folder)[0], stepped)


def log_replaced(folder: Path) -> None:
    """The log of another run, to which nothing fits."""
    shutil.copy(
        next((runs(folder)[1] / "log").iterdir()), next((runs(folder)[0] / "log").iterdir())
    )


def log_removed(folder: Path) -> None:
    for run in runs(folder):
        shutil.rmtree(run / "log")
        document(
            run,
            lambda c: c.update(files=[f for f in c["files"] if not f["path"].startswith("log/")]),
        )


TAMPERS = (
    Tamper(window_cut, "record-matches-log"),
    Tamper(window_at_rest, "record-matches-log"),
    Tamper(time_to_train_lowered, "record-consistent"),
    Tamper(duration_lowered, "record-consistent"),
    Tamper(quality_raised, "record-matches-log"),
    Tamper(target_lowered, "record-consistent"),
    Tamper(quality_under_a_lowered_target, "record-consistent"),
    Tamper(other_data, "registered-data"),
    Tamper(failed_run_called_success, "record-matches-log"),
    Tamper(steps_raised, "record-matches-log"),
    Tamper(work_raised, "record-consistent"),
    Tamper(declared_energy_changed, "energy-recomputes"),
    Tamper(seed_changed, "record-matches-log"),
    Tamper(seeds_repeated, "run-seeds", "warn"),
    Tamper(scaling_planted, "record-consistent"),
    Tamper(round_of_others, "record-matches-log"),
    Tamper(sampler_forgotten, "record-matches-log"),
    Tamper(run_left_out, "record-consistent", "warn"),
    Tamper(bad_run_called_ranging, "record-consistent"),
    Tamper(run_entered_twice, "duplicate-traces"),
    Tamper(incomplete_run_called_complete, "record-consistent"),
    Tamper(scaled, "traces-from-journals"),
    Tamper(peaks_clipped, "traces-from-journals"),
    Tamper(trace_of_another_run, "near-copies"),
    Tamper(trace_file_copied, "duplicate-traces"),
    Tamper(channel_removed, "traces-from-journals"),
    Tamper(channel_and_journal_removed, "record-consistent"),
    Tamper(wall_made_a_part_of_the_board, "traces-from-journals"),
    Tamper(kind_changed, "traces-from-journals"),
    Tamper(kind_changed_everywhere, "meter-plausible", "warn"),
    Tamper(limits_lowered, "traces-from-journals"),
    Tamper(limits_lowered_everywhere, "meter-plausible", "warn"),
    Tamper(calibration_swapped, "traces-from-journals"),
    Tamper(clock_error_lowered, "traces-from-journals"),
    Tamper(boundary_relabelled, "traces-from-journals"),
    Tamper(boundary_relabelled_everywhere, "meter-plausible", "warn"),
    Tamper(sensor_called_wall_everywhere, "meter-plausible"),
    Tamper(model_called_measurement, "meter-plausible"),
    Tamper(samples_deleted, "record-consistent"),
    Tamper(rest_removed_from_the_trace, "traces-from-journals"),
    Tamper(rest_removed_everywhere, "record-consistent"),
    Tamper(played_trace_called_real, "record-consistent"),
    Tamper(clock_step_forgotten, "record-consistent"),
    Tamper(log_replaced, "record-matches-log"),
    Tamper(log_removed, "record-matches-log"),
    Tamper(success_unknown, "record-matches-log"),
    Tamper(success_unknown_in_the_log_too, "result-valid"),
    Tamper(quality_left_out, "record-consistent"),
    Tamper(quality_of_another_metric, "record-consistent"),
    Tamper(work_tenfold_without_logs, "record-consistent"),
    Tamper(logs_removed_and_called_a_block, "record-consistent"),
    Tamper(name_with_trailing_blanks, "evidence-readable"),
    Tamper(name_with_a_hidden_letter, "evidence-readable"),
)


# What no look at the files can find, and why. A signature (joulemark sign) says who answers for it,
# and a chain that
# others hold since shows what was changed after.


def scaled_everywhere(folder: Path) -> None:
    """Traces and journals tell the same lower power: another machine would have written these
    bytes."""

    def lower(line: str) -> str:
        cells = line.split(",")
        return ",".join([*cells[:4], repr(float(cells[4]) * 0.9), cells[5]])

    for run in runs(folder):
        trace(run, lambda t: replace(t, value=t.value * 0.9))
        journal(run, lambda lines: [lower(line) if line[0].isdigit() else line for line in lines])


def window_cut_everywhere(folder: Path) -> None:
    """Record and log agree on a shorter run: the program may have done so."""
    window_cut(folder)
    for run in runs(folder):
        stop = json.loads((run / "run.json").read_text())["window"]["stop"]
        at = np.datetime64(stop.removesuffix("Z"), "ns").astype(np.int64)
        log(run, "run_stop", time_ms=int(at) // 1_000_000)


def meter_renamed_everywhere(folder: Path) -> None:
    """Another meter's name, with that meter's limits: only who saw it knows."""
    better = instrument("yokogawa-wt5000").accuracy(range_w=1500.0)
    for run in runs(folder):
        trace(
            run,
            lambda t: replace(
                t, channel=replace(t.channel, meter="yokogawa-wt5000", accuracy=better)
            ),
        )
        made = json.loads(
            (run / "traces" / f"{WALL}.csv").read_text().split("\n")[0].partition(": ")[2]
        )
        header(
            run,
            lambda about, made=made: about["channels"][0].update(
                meter=made["meter"], accuracy=made["accuracy"]
            ),
        )


def system_described_as_another(folder: Path) -> None:
    """Whose machine it was, and which: words only."""
    each(
        folder,
        lambda content: content["entry"].update(system="a better box", submitter="Another Lab"),
    )


UNSEEN = (
    scaled_everywhere,
    window_cut_everywhere,
    meter_renamed_everywhere,
    system_described_as_another,
)


def restate(folder: Path) -> None:
    """New hashes in each record, as the forger states them."""
    for run in runs(folder):
        state_hashes(run)
