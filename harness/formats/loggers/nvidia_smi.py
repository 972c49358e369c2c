"""Read the power of GPU boards as nvidia-smi prints it: ``--query-gpu`` CSV, and ``dmon``.

::

    timestamp, index, power.draw [W]                     # Date    Time     gpu   pwr
    2026/01/05 10:00:00.120, 0, 251.30 W                 # YYYYMMDD HH:MM:SS  Idx     W
    2026/01/05 10:00:01.121, 0, [N/A]                    20260105  10:00:00    0   251

What ``power.draw`` averages depends on the board and driver (the last second since Ampere, but
for GA100; an instant before), so a reading is taken for an instant. The boundary is the board.
"""

from __future__ import annotations

import re

from harness.formats.defects import DefectCode
from harness.formats.power_log.cells import csv_rows, missing, reading, stamp_ns, zone_note
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "nvidia-nvml"
POWER_COLUMNS = ("power.draw.instant", "power.draw", "power.draw.average")
"""Columns that hold the power of a board; the first that is there counts."""
ID_COLUMNS = ("index", "uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id", "serial", "gpu_serial")
"""Columns that tell boards apart."""
_CSV_STAMPS = ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S")
_DMON_STAMP = "%Y%m%d %H:%M:%S"
_HEADERLESS = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3}, .*\bW\b", re.ASCII)
"""First line of a file that was recorded with noheader."""
_UNIT = re.compile(r"\s*\[[^\]]*\]$")


class NvidiaSmi(LoggerFormat):
    """Reader of the output of nvidia-smi."""

    name = "nvidia-smi"

    def recognises(self, head: str) -> bool:
        """Tell by the column of power, or by the two headers of dmon."""
        lines = head.splitlines()[:2]
        if not lines:
            return False
        is_csv = "power.draw" in lines[0] and any(sign in lines[0] for sign in ",;")
        return is_csv or _is_dmon(lines[0]) or _HEADERLESS.match(lines[0]) is not None

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read a column for each board."""
        if _is_dmon(text.partition("\n")[0]):
            return _parse_dmon(text, about, where)
        if _HEADERLESS.match(text):
            raise missing(
                where,
                "names of its columns",
                "a first line like timestamp, index, power.draw [W]",
                "Put that line in front, or record without noheader.",
            )
        return _parse_csv(text, about, where)


def _is_dmon(line: str) -> bool:
    return line.startswith("#") and {"gpu", "pwr"} <= set(line.lower().replace("#", " ").split())


def _parse_csv(text: str, about: About, where: str) -> PowerLog:
    rows = csv_rows(text, where)
    header = [_UNIT.sub("", name) for name in next(rows, [])]
    if "timestamp" not in header:
        raise missing(
            where,
            "time",
            "a column timestamp",
            "Query it: nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv -lms 100",
        )
    stamp_at = header.index("timestamp")
    powers = [name for name in POWER_COLUMNS if name in header]
    if not powers:
        raise missing(where, "power", "a column power.draw", "Query power.draw too.")
    power_at = header.index(powers[0])
    ids = [name for name in ID_COLUMNS if name in header]
    id_at = header.index(ids[0]) if ids else None

    columns: dict[str, Column] = {}
    for row in rows:
        if len(row) != len(header) or row == header:
            continue  # a cut line, or the header of a second start
        board = row[id_at] if id_at is not None else "0"
        column = columns.setdefault(board, _column(board, header[power_at]))
        t_ns = stamp_ns(row[stamp_at], about, *_CSV_STAMPS)
        if id_at is None and column.t_ns and t_ns == column.t_ns[-1]:
            raise missing(
                where,
                "board beside each reading, and several share a time",
                "a column index, uuid or pci.bus_id",
                "Query index too: --query-gpu=timestamp,index,power.draw",
            )
        column.add(t_ns, reading(row[power_at], "W"), row[power_at])
    log = PowerLog(columns=list(columns.values()), notes=zone_note(about, where))
    if id_at is None:
        got = "no column tells boards apart: one board is assumed"
        log.notes.append((DefectCode.LOG_ASSUMPTION, got))
    return log


def _parse_dmon(text: str, about: About, where: str) -> PowerLog:
    lines = text.splitlines()
    header = lines[0].replace("#", " ").lower().split()
    if "date" not in header or "time" not in header:
        raise missing(
            where, "time", "columns Date and Time", "Record it with: nvidia-smi dmon -s p -o DT"
        )
    columns: dict[str, Column] = {}
    for line in lines:
        cells = line.split()
        if line.startswith("#") or len(cells) != len(header):
            continue
        row = dict(zip(header, cells, strict=True))
        column = columns.setdefault(row["gpu"], _column(row["gpu"], "pwr"))
        t_ns = stamp_ns(f"{row['date']} {row['time']}", about, _DMON_STAMP)
        column.add(t_ns, reading(row["pwr"]), row["pwr"])
    return PowerLog(columns=list(columns.values()), notes=zone_note(about, where))


def _column(board: str, source: str) -> Column:
    name = f"gpu-{board}" if board.isdecimal() else board.lower()
    return Column(name, "instant", "board", METER, source=f"{source}/{board}")


FORMAT = NvidiaSmi()
