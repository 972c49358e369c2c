"""Defects: what a reader met, noted and lived with, and how each is judged.

The members of :class:`DefectCode` are the whole vocabulary. A reader notes one by
``reader.note(DefectCode.FILE_EMPTY, path, "0 bytes")``; the rule ``evidence-readable`` judges it by
the severity that stands here; the table in ``docs/reference/formats.md`` is generated from here.
To add a defect, add a member.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Severity = Literal["fail", "warn", "own rule"]
"""How a defect is judged.

- ``fail``: by the severity that the rulebook gives the rule ``evidence-readable``
- ``warn``: as a warning, whatever the rulebook says
- ``own rule``: by a rule of its own
"""

_FILE = "the file as the tools write it"
_LINES = "lines as the tools write them"
_COMPLETE = "Submit the complete, unedited files."


class DefectCode(StrEnum):
    """One kind of defect; its value is the code in reports and run records.

    Attributes:
        severity: How it is judged.
        expected: What should have been there, for the finding.
        remedy: What the submitter can do, for the finding.
        met_in: Formats whose readers note it, for the docs.
        meaning: What the reader met, for the docs.
    """

    severity: Severity
    expected: str
    remedy: str
    met_in: str
    meaning: str

    def __new__(
        cls, code: str, severity: Severity, expected: str, remedy: str, met_in: str, meaning: str
    ) -> DefectCode:
        """Make a member that is the string ``code`` and carries the rest as attributes."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.severity = severity
        member.expected = expected
        member.remedy = remedy
        member.met_in = met_in
        member.meaning = meaning
        return member

    FILE_UNREADABLE = (
        "file-unreadable",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf, run directories",
        "a file is missing, a link, not a file, too large, or not JSON; no ranging run",
    )
    FILE_EMPTY = (
        "file-empty",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf",
        "a file of 0 bytes",
    )
    WINDOW_UNREADABLE = (
        "window-unreadable",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf inference",
        "a stamp of the window that is no time",
    )
    WINDOW_MISSING = (
        "window-missing",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf",
        "no `power_begin` or `power_end`, no `run_start` or `run_stop`: the run has no energy",
    )
    RESULT_LOG_MISSING = (
        "result-log-missing",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf training",
        "a power folder without a result log: no run",
    )
    TRACE_UNREADABLE = (
        "trace-unreadable",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf, run directories",
        "a log without a usable reading: no channel; in a run directory, a trace that "
        "its record does not list so: the run has no energy",
    )
    POWER_FOLDER_MISSING = (
        "power-folder-missing",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf training",
        "a result log without a power folder: a run without energy",
    )
    SCALING_UNREADABLE = (
        "scaling-unreadable",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf training",
        "a `scaling.json` without a number from 0 to 100: no scaling",
    )
    FILE_CHANGED = (
        "file-changed",
        "fail",
        _FILE,
        _COMPLETE,
        "run directories",
        "a file of a run directory differs from the hash in `run.json`",
    )
    RUNS_DISAGREE = (
        "runs-disagree",
        "fail",
        "runs of one entry that state the same result",
        "Put the runs of each system and benchmark into a folder of their own.",
        "run directories",
        "the run records of one entry state different submitters, systems, benchmarks, rounds, "
        "or are partly simulated",
    )
    RECORD_MALFORMED = (
        "record-malformed",
        "fail",
        _FILE,
        _COMPLETE,
        "run directories",
        "facts in `run.json` that are not of the type that joulemark writes, which rules ignore; "
        "an id that is not that of its folder; the name of a benchmark, scenario, round or "
        "division with blanks or signs that do not show",
    )
    KEY_TWICE = (
        "key-twice",
        "fail",
        _FILE,
        _COMPLETE,
        "MLPerf",
        "a JSON object has one key twice, so that two programs may read two documents",
    )
    CHAIN_BROKEN = (
        "chain-broken",
        "fail",
        _FILE,
        _COMPLETE,
        "recorded runs",
        "lines of a journal differ from what was written; the place ends with the line "
        "of the first link that does not fit",
    )
    SUBMISSION_CHANGED = (
        "submission-changed",
        "fail",
        _FILE,
        _COMPLETE,
        "packed submissions",
        "a file of a packed submission differs from `manifest.json`, or is not listed "
        "there; with `--trust`, the manifest is not the one that was signed",
    )
    SIGNATURE_BAD = (
        "signature-bad",
        "fail",
        _FILE,
        _COMPLETE,
        "packed submissions",
        "`joulemark audit --trust`: a signature does not verify ([how to sign](../how-"
        "to/sign-and-verify.md))",
    )
    COUNT_MISSING = (
        "count-missing",
        "fail",
        _FILE,
        "Submit the whole log.",
        "MLPerf inference",
        "SingleStream or MultiStream of v2.0 or later without `result_query_count`: "
        "queries are rate or latency times the window",
    )
    MLLOG_LINE_BROKEN = (
        "mllog-line-broken",
        "warn",
        _LINES,
        _COMPLETE,
        "MLPerf",
        "lines of an MLLOG file that are not JSON",
    )
    TRACE_LINE_BROKEN = (
        "trace-line-broken",
        "warn",
        _LINES,
        _COMPLETE,
        "MLPerf inference",
        "lines of `spl.txt` that are no reading",
    )
    VALUE_IS_TEXT = (
        "value-is-text",
        "warn",
        _LINES,
        _COMPLETE,
        "MLPerf training",
        "readings given as text, read as numbers",
    )
    WINDOW_ASSUMED = (
        "window-assumed",
        "warn",
        _LINES,
        _COMPLETE,
        "power logs",
        "no window is stated: the whole trace is used",
    )
    CSV_DIALECT = (
        "csv-dialect",
        "warn",
        "comma, decimal point and nanoseconds",
        "Nothing: it was read so. Check one number against the original.",
        "power logs",
        "a CSV file with semicolons, tabs, a decimal comma or another unit of time, read as such",
    )
    LOG_ASSUMPTION = (
        "log-assumption",
        "warn",
        "a log that states it, or a document beside it that does",
        "State it in <file>.about.json beside the log.",
        "power logs",
        "something a log does not state was assumed, such as its time zone",
    )
    FILE_IGNORED = (
        "file-ignored",
        "warn",
        "node_*.txt and sw_*.txt only",
        _COMPLETE,
        "MLPerf training",
        "files beside the node logs that are no power logs",
    )
    ENERGY_DIFFERS = (
        "energy-differs",
        "fail",
        "the energy that the windows and the raw trace have",
        "Submit the trace and the results of one run.",
        "MLPerf Tiny",
        "a printed median that the printed windows do not have, or the raw traces",
    )
    WINDOW_ENERGY_DIFFERS = (
        "window-energy-differs",
        "fail",
        "the energy that the raw trace has between its markers",
        "Submit the trace and the results of one run.",
        "MLPerf Tiny",
        "a printed energy that the raw trace does not give within the rounding of its markers",
    )
    MARKER_EXTRA = (
        "marker-extra",
        "warn",
        "two markers, the ends of the window",
        "Nothing, if the board moved the pin of the markers when it was switched on: the runner "
        "takes the last two.",
        "MLPerf Tiny",
        "a trial with more than two markers; its window lies between the last two",
    )
    DESCRIPTION_UNREADABLE = (
        "description-unreadable",
        "warn",
        "a JSON object",
        "Mend the file; a parser names the place.",
        "MLPerf Tiny",
        "a system description that is no JSON",
    )
    FOLDER_NAME = (
        "folder-name",
        "warn",
        "the folder `energy`",
        "Rename the folder.",
        "MLPerf Tiny",
        "an energy run in a folder of another name",
    )
    RUN_INCOMPLETE = (
        "run-incomplete",
        "fail",
        "a run that was recorded to its end",
        "Make it again: the same command with --resume sets it aside and makes what is missing.",
        "run directories",
        "`incomplete.json` in place of `run.json`; the reason is also a note of the result",
    )
    CLOCK_STEP = (
        "clock-step",
        "fail",
        "a clock that runs evenly",
        "Let the clock settle (chronyc waitsync) and run again.",
        "recorded runs",
        "the wall clock stepped against the monotonic clock",
    )
    METER_HUNG = (
        "meter-hung",
        "warn",
        "a meter that answers to the end",
        "Mend the meter's connection and run again.",
        "recorded runs",
        "a meter did not answer when the run ended",
    )
    SAMPLES_CUT = (
        "samples-cut",
        "warn",
        "a meter that answers to the end",
        "Run it again and leave this run out.",
        "recorded runs",
        "a sampler ended before it was stopped, or a line of its journal is cut",
    )
    SENSOR_LEFT_OUT = (
        "sensor-left-out",
        "warn",
        "a sensor that measures what its driver says",
        "Load another driver or name other meters; `joulemark meters` shows what is summed.",
        "run directories",
        "a sensor without a usable reading that others stand in for",
    )
    SENSOR_UNREADABLE = (
        "sensor-unreadable",
        "fail",
        "a sensor that can be read",
        "Use another meter; `joulemark meters` shows those that work here.",
        "run directories",
        "a sensor without a usable reading that nothing stands in for: it yields no energy",
    )
    WHOLE_BELOW_PARTS = (
        "whole-below-parts",
        "warn",
        "a whole that draws at least what its parts draw",
        "Leave the sensor out by naming meters; its maker did not wire it.",
        "run directories",
        "a sensor that is said to contain others and shows less than they do, or stands still "
        "while they move: left out, its parts are summed",
    )
    COUNTER_TWICE = (
        "counter-twice",
        "warn",
        "one channel for each counter",
        "Nothing: the counter is counted once.",
        "run directories",
        "two channels that show one counter, as some processors of two dies do",
    )
    COUNTER_FROZEN = (
        "counter-frozen",
        "fail",
        "a counter that moves",
        "Use another meter: virtual machines and some drivers show a counter that stands still.",
        "run directories",
        "an energy counter with one value throughout: it yields no energy",
    )
    AVERAGE_TOO_LONG = (
        "average-too-long",
        "fail",
        "a mean over less time than the run",
        "Write a shorter interval to power1_average_interval (milliseconds), or use another meter.",
        "run directories",
        "a sensor that gives the mean of a longer time than the record: it yields no energy",
    )
    CONTAINMENT_UNKNOWN = (
        "containment-unknown",
        "warn",
        "channels of which none contains another",
        "Name the meters whose sensors stand apart, for example with --meter hwmon:only=...",
        "run directories",
        "two channels are added, and it is not known whether one contains the other",
    )
    BOARD_UNMEASURED = (
        "board-unmeasured",
        "warn",
        "a power reading for every board",
        "Measure the machine at the wall, or leave the board idle and say so.",
        "run directories",
        "a graphics board that reports neither energy nor power: the sum lacks it",
    )
    BOARDS_BEYOND_WORKLOAD = (
        "boards-beyond-workload",
        "warn",
        "the boards that the workload uses",
        "Name them: --meter nvml:devices=0+1.",
        "run directories",
        "more boards are measured than CUDA_VISIBLE_DEVICES lets the workload use",
    )
    HARDWARE_UNSTEADY = (
        "hardware-unsteady",
        "warn",
        "hardware that runs at one limit and is not slowed by heat",
        "Improve the cooling, let the machine warm up, and fix the power limit before the run.",
        "run directories",
        "hardware that was slowed by heat, or whose power limit changed during the run",
    )
    PROCESSES_LEFT = (
        "processes-left",
        "warn",
        "a workload that waits for all it starts",
        "Let the program wait for its children, and end what it left before the next run.",
        "run directories",
        "processes of the workload that outlived it; what they did after the window is not counted",
    )
    METER_OUTDATED = (
        "meter-outdated",
        "warn",
        "software that reads the energy counter",
        "Update it: pip install -U nvidia-ml-py.",
        "run directories",
        "the software of a meter is too old to read its energy counter: power is sampled instead",
    )
    CHAIN_MISSING = (
        "chain-missing",
        "warn",
        "a journal whose chain goes to its end",
        "Record runs with a release that writes chains.",
        "recorded runs",
        "a journal without a chain: written by an older release, or stripped of it",
    )
    CHAIN_OPEN = (
        "chain-open",
        "warn",
        "a journal whose chain goes to its end",
        "Run it again and leave this run out.",
        "recorded runs",
        "a journal ends without a link, cut off by a crash or by hand; nothing protects"
        " the lines below its last link",
    )
    COUNT_DERIVED = (
        "count-derived",
        "warn",
        "result_query_count",
        "Nothing: LoadGen of this round counts no queries of a stream.",
        "MLPerf inference",
        "the same as `count-missing` in v1.0 and v1.1, whose LoadGen writes no count; "
        "also a note of the result",
    )
    LOCAL_TIME = (
        "local-time",
        "warn",
        "stamps in UTC",
        "Nothing: LoadGen of this round stamps in local time; it was undone here.",
        "MLPerf inference",
        "a session of v1.0 in local time, shifted to UTC by `timezone` of "
        "`server.json`; also a note",
    )
    ROUND_DIFFERS = (
        "round-differs",
        "warn",
        "a log of the round and scenario of its folder",
        "Run LoadGen of the round that is submitted to.",
        "MLPerf inference",
        "the tree states one round, LoadGen's version another: the tree counts; also a note",
    )
    SCENARIO_DIFFERS = (
        "scenario-differs",
        "warn",
        "a log of the round and scenario of its folder",
        "Submit a run in the folder of its scenario.",
        "MLPerf inference",
        "any other scenario in the log than the folder's: the log counts; also a note",
    )
    SCENARIO_INFERRED = (
        "scenario-inferred",
        "warn",
        "a run of the scenario itself",
        "Nothing: MLPerf allows it. The result is marked.",
        "MLPerf inference",
        "a SingleStream run in a folder of MultiStream or Offline, or a MultiStream run"
        " in one of Offline: the folder counts; also a note, and a mark in the "
        "leaderboard",
    )
    UNSIGNED = (
        "unsigned",
        "warn",
        "a submission with its signature",
        "Pack it and sign it: joulemark sign SUBMISSION --key FILE.",
        "all",
        "`joulemark audit --trust`: no signature",
    )
    FIGURE_DIFFERS = (
        "figure-differs",
        "fail",
        "figures that agree with each other",
        _COMPLETE,
        "MLPerf Endpoints",
        "a mean, median, percentile or histogram that contradicts the totals and counts beside it",
    )
    NO_WALL_CLOCK = (
        "no-wall-clock",
        "warn",
        "the time at which the run began",
        "Record pairs of both clocks beside the client: joulemark run --command does.",
        "MLPerf Endpoints",
        "`test_started_at` is 0 or missing: nothing ties the run to a meter",
    )
    WINDOWS_DIFFER = (
        "windows-differ",
        "warn",
        "tokens and time of one window",
        "Divide by `duration_ns`, or leave out the tokens of the drain.",
        "MLPerf Endpoints",
        "`tps` divides all tokens by a window that ends before the last replies do",
    )
    FAILURES_AS_COMPLETED = (
        "failures-as-completed",
        "warn",
        "completed and failed requests that add up to those issued",
        "Use a client that counts `n_samples_succeeded`.",
        "MLPerf Endpoints",
        "completed requests include the failed ones",
    )
    SCORE_SCALE = (
        "score-scale",
        "warn",
        "scores in percent",
        "State the unit of each score.",
        "MLPerf Endpoints",
        "a score of at most 1 without a unit: read as a fraction, where other files have percent",
    )
    PERCENTILE_KEYS = (
        "percentile-keys",
        "warn",
        'percentile keys as the client writes them, "90.0"',
        "Submit the file as the client wrote it.",
        "MLPerf Endpoints",
        'percentile keys of another form, `"90"`: read as the same share',
    )
    VALUES_FEWER = (
        "values-fewer",
        "warn",
        "a value for each response",
        "Nothing: replies of one fragment have no time per output token.",
        "MLPerf Endpoints",
        "fewer values of a latency than responses, or none at all",
    )
    RATING_LOW = (
        "rating-low",
        "warn",
        "the rated power of the part",
        "Name public evidence of the lower mode in `below_rated_tdp`.",
        "MLPerf Endpoints",
        "an accelerator whose declared power lies below the default of Appendix D",
    )
    POWER_NOT_DERIVED = (
        "power-not-derived",
        "own rule",
        "a total that follows from the parts",
        "Complete system_power.json.",
        "MLPerf Endpoints",
        "`system_power.json` gives no provisioned power, or contradicts itself",
    )
    ZONE_SHIFT = (
        "zone-shift",
        "own rule",
        "clocks in one time zone",
        "Keep both clocks in UTC.",
        "MLPerf",
        "window and readings in two time zones, shifted",
    )


SENSOR_DEFECTS = (
    DefectCode.SENSOR_LEFT_OUT,
    DefectCode.SENSOR_UNREADABLE,
    DefectCode.WHOLE_BELOW_PARTS,
    DefectCode.COUNTER_TWICE,
    DefectCode.COUNTER_FROZEN,
    DefectCode.AVERAGE_TOO_LONG,
    DefectCode.CONTAINMENT_UNKNOWN,
    DefectCode.BOARD_UNMEASURED,
    DefectCode.BOARDS_BEYOND_WORKLOAD,
    DefectCode.METER_OUTDATED,
    DefectCode.HARDWARE_UNSTEADY,
)
"""Defects of the sensors of a live run: what its energy includes, and what it lacks."""


def defect_table() -> str:
    """Return the table of all defects, in Markdown, for the docs."""
    judged = {
        "fail": "by severity",
        "warn": "warning",
        "own rule": "rule of its own",
    }
    lines = ["| code | met | in | judged |", "|---|---|---|---|"]
    for code in sorted(DefectCode):
        cells = (f"`{code.value}`", code.meaning, code.met_in, judged[code.severity])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
