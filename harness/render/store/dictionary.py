"""The tables of a store: each column with its type, unit and meaning.

Every table has the column `key`, which says to which entry a row belongs; what was passed over
belongs to none, and has keys of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VERSION = "2"
"""Version of the tables; a store of another version is not added to."""

Type = Literal["text", "number", "integer", "truth", "time", "bytes"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        type: text, number, integer, truth, time (UTC, to the microsecond), or bytes.
        meaning: What it says; for a number with its unit. Empty cells mean that it is not known.
    """

    name: str
    type: Type
    meaning: str


KEY = Column("key", "text", "entry: digest of its round, names and measurement")

ENTRIES = (
    KEY,
    Column("id", "text", "path of the entry inside the tree that was collected"),
    Column("format", "text", "reader that read it"),
    Column("round", "text", "round it belongs to"),
    Column("division", "text", "closed, open or network"),
    Column("submitter", "text", "who submitted it"),
    Column("system", "text", "name of the system"),
    Column("benchmark", "text", "name of the benchmark"),
    Column("scenario", "text", "scenario, empty where there is none"),
    Column("task", "text", "inference or training"),
    Column("simulated", "truth", "whether its readings come from a simulator"),
    Column("measurement_class", "text", "analyzer, analyzer-scpi, sensor, modelled or declared"),
    Column("boundary", "text", "what the energy includes"),
    Column("measurand", "text", "realised, or long-run mean"),
    Column("n_runs", "integer", "timed runs"),
    Column("distinct_runs", "integer", "runs that count for the mean"),
    Column("performance", "number", "performance the entry states [performance_unit]"),
    Column("performance_unit", "text", "unit of performance"),
    Column("quality_metric", "text", "name of the quality metric"),
    Column("quality", "number", "quality reached, in the metric's unit"),
    Column("quality_target", "number", "quality to reach, in the metric's unit"),
    Column("scatter_source", "text", "what shows the scatter between runs"),
    Column("scatter_n", "integer", "runs or pairs that show it"),
    Column("scatter_cv", "number", "scatter between runs, relative"),
    Column("coverage", "number", "share of the window covered by readings, 0 to 1"),
    Column("estimated_share", "number", "share of the energy that was not measured, 0 to 1"),
    Column("verdict", "text", "valid, questioned, invalid or unjudged"),
    Column("provisional", "truth", "whether no rulebook knows its round"),
    Column("rulebook", "text", "round whose rulebook judged it"),
    Column("version", "text", "release of joulemark that collected it"),
)
ESTIMATES = (
    KEY,
    Column(
        "quantity",
        "text",
        "energy, mean_power, energy_per_unit, energy_per_correct, co2e_location, co2e_market",
    ),
    Column("value", "number", "best estimate [unit]"),
    Column("low", "number", "low end of the interval [unit]; empty where no interval can be had"),
    Column("high", "number", "high end of the interval [unit]"),
    Column("level", "number", "coverage probability of the interval, 0 to 1"),
    Column("unit", "text", "unit of value, low and high"),
    Column("note", "text", "what a reader must know beside the number"),
)
BUDGET = (
    KEY,
    Column("term", "text", "component of the uncertainty of the energy"),
    Column("u", "number", "its standard uncertainty [J]"),
    Column("share", "number", "its share of the variance, 0 to 1"),
    Column("dof", "number", "its degrees of freedom; empty means infinite"),
    Column("correlation_key", "text", "components with one key share their error"),
    Column("source", "text", "where its size comes from"),
)
RUNS = (
    KEY,
    Column("run", "text", "id of the run"),
    Column("start", "time", "start of the timed window"),
    Column("seconds", "number", "length of the timed window [s]"),
    Column("energy_j", "number", "energy [J]"),
    Column("estimated_j", "number", "part of it that was not measured [J]"),
    Column("coverage", "number", "share of the window covered by readings, 0 to 1"),
    Column("gap_share", "number", "share of the window inside gaps, 0 to 1"),
)
FINDINGS = (
    KEY,
    Column("rule", "text", "id of the rule"),
    Column("status", "text", "fail, warn, skip or error"),
    Column("severity", "text", "fail, question or warn"),
    Column("place", "text", "where it was found"),
    Column("got", "text", "what was found"),
    Column("expected", "text", "what the rule asks for, with its unit"),
    Column("clause", "text", "clause that demands it"),
)
SYSTEMS = (
    KEY,
    Column("system_name", "text", "name in the system description"),
    Column("number_of_nodes", "number", "machines of the system"),
    Column("host_processor_model_name", "text", "model of the host processor"),
    Column("host_processors_per_node", "number", "host processors in a node"),
    Column("accelerator_model_name", "text", "model of the accelerator"),
    Column("accelerators_per_node", "number", "accelerators in a node"),
    Column("description", "text", "the whole description as JSON"),
)
RECORDS = (
    KEY,
    Column("seed", "integer", "seed of the Monte Carlo"),
    Column("level", "number", "coverage probability of the intervals, 0 to 1"),
    Column(
        "record", "bytes", "result and audit without readings, in MessagePack; ranks are made of it"
    ),
)
PASSED_OVER = (
    Column("key", "text", "digest of kind, path and reason"),
    Column("kind", "text", "unreadable, or skipped: a folder without a power measurement"),
    Column("path", "text", "path inside the tree that was collected"),
    Column("reason", "text", "why it is no entry"),
)
TABLES: dict[str, tuple[Column, ...]] = {
    "entries": ENTRIES,
    "estimates": ESTIMATES,
    "budget": BUDGET,
    "runs": RUNS,
    "findings": FINDINGS,
    "systems": SYSTEMS,
    "records": RECORDS,
    "passed_over": PASSED_OVER,
}
"""The columns of each table."""


def dictionary_text() -> str:
    """Return the data dictionary as Markdown."""
    lines = []
    for name, columns in TABLES.items():
        lines += [f"### `{name}`", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {c.type} | {c.meaning} |" for c in columns]
        lines.append("")
    return "\n".join(lines)
