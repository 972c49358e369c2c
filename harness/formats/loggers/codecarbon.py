"""Read ``emissions.csv`` of CodeCarbon: one row of totals for each run.

CodeCarbon measures GPU boards by NVML, processors by RAPL where it can and by a model of their
rated power where not, and memory by a model. A row does not say which, so its energies are taken
for estimates. They are held to be constant over the run, which is all that a total tells.
"""

from __future__ import annotations

from harness.core.errors import UnreadableError, shorten
from harness.formats.defects import DefectCode
from harness.formats.power_log.cells import csv_rows, missing, reading, stamp_ns, zone_note
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "declared-model"
J_PER_KWH = 3.6e6
TOLERANCE = 1e-6
"""Relative difference of the parts and the total that is rounding."""
PARTS = (
    ("cpu_energy", "cpu", "package"),
    ("gpu_energy", "gpu", "board"),
    ("ram_energy", "ram", "memory"),
)
"""Columns [kWh], with the channel and boundary of each."""
_STAMPS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S%z")


class CodeCarbon(LoggerFormat):
    """Reader of one run in an emissions.csv."""

    name = "codecarbon"
    suffixes = (".csv",)

    def recognises(self, head: str) -> bool:
        """Tell by the columns that every release writes."""
        header = next(csv_rows(head), [])
        return {"timestamp", "duration", "emissions", "energy_consumed"} <= set(header)

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read the last row of the one run that the file holds."""
        rows = csv_rows(text, where)
        header = next(rows, [])
        runs = {}
        for cells in rows:
            if len(cells) == len(header):
                row = dict(zip(header, cells, strict=True))
                runs[row.get("run_id", "")] = row  # rows of one run are running totals
        if not runs:
            raise UnreadableError("has no row", where=where)
        if len(runs) > 1:
            raise UnreadableError(
                "holds several runs, and one file is one run here",
                where=where,
                got=shorten(", ".join(runs)),
                expected="one run_id",
                fix="Put the rows of each run into a file of its own.",
            )
        (row,) = runs.values()
        return _log_of_row(row, about, where)


def _log_of_row(row: dict[str, str], about: About, where: str) -> PowerLog:
    seconds = reading(row["duration"])
    if seconds is None or seconds <= 0:
        raise missing(where, "duration", "a column duration [s]", "Use the file as it was written.")
    stop_ns = stamp_ns(row["timestamp"], about, *_STAMPS)
    if not stop_ns:
        raise missing(where, "time", "a timestamp as 2026-01-05T10:00:00", "Use the original file.")
    start_ns = stop_ns - round(seconds * 1e9)

    columns = []
    for name, channel, boundary in PARTS:
        energy_kwh = reading(row.get(name, ""))
        if energy_kwh:
            columns.append(_constant(channel, boundary, energy_kwh, seconds, (start_ns, stop_ns)))
    total_kwh = reading(row["energy_consumed"])
    notes = zone_note(about, where)
    if not columns and total_kwh:
        columns.append(_constant("total", "node", total_kwh, seconds, (start_ns, stop_ns)))
    parts_kwh = sum(column.values[0] for column in columns) * seconds / J_PER_KWH
    rest_kwh = (total_kwh or parts_kwh) - parts_kwh
    if columns and rest_kwh > TOLERANCE * parts_kwh:
        columns.append(_constant("rest", "node", rest_kwh, seconds, (start_ns, stop_ns)))
    elif rest_kwh < -TOLERANCE * parts_kwh:
        got = f"energy_consumed is {total_kwh:g} kWh, less than its parts: the parts are taken"
        notes.append((DefectCode.LOG_ASSUMPTION, got))
    return PowerLog(
        columns=columns,
        notes=notes,
        seconds=seconds,
        benchmark=row.get("project_name", ""),
    )


def _constant(
    name: str, boundary: str, energy_kwh: float, seconds: float, span: tuple[int, int]
) -> Column:
    column = Column(name, "estimate", boundary, METER, source=f"{name}_energy")
    power_w = energy_kwh * J_PER_KWH / seconds
    for t_ns in span:
        column.add(t_ns, power_w, f"{energy_kwh:g} kWh")
    return column


FORMAT = CodeCarbon()
