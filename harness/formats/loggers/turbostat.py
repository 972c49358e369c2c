"""Read the power columns of turbostat: the mean power of each interval, by RAPL domain.

::

    Time_Of_Day_Seconds   CPU   PkgWatt   CorWatt   GFXWatt   RAMWatt
    1767607200.123456     -     52.10     31.00     0.00      3.20
    1767607200.123456     0     52.10     31.00     0.00      3.20

The row of ``-`` is the sum of all processors; the other rows are its parts and are left out.
"""

from __future__ import annotations

from harness.formats.power_log.cells import missing, put_inside, reading
from harness.formats.power_log.log import ABOUT_SUFFIX, About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "intel-rapl"
TIME = "Time_Of_Day_Seconds"
DOMAINS = {
    "SysWatt": ("psys", "psys", ()),
    "PkgWatt": ("package", "package", ("psys",)),
    "RAMWatt": ("dram", "dram", ("psys",)),
    "CorWatt": ("cores", "core", ("package", "psys")),
    "GFXWatt": ("graphics", "uncore", ("package", "psys")),
}
"""Column -> channel, boundary, and the channels that may contain it, the nearest first."""
SUMMARY_COLUMNS = ("CPU", "Core", "Package")


class Turbostat(LoggerFormat):
    """Reader of the output of turbostat."""

    name = "turbostat"

    def recognises(self, head: str) -> bool:
        """Tell by the column PkgWatt between columns of white space."""
        return any("PkgWatt" in line.split() for line in head.splitlines()[:20])

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read a column for each domain, from the rows that sum up all processors."""
        header: list[str] = []
        columns: dict[str, Column] = {}
        row_count = 0
        for line in text.splitlines():
            cells = line.split()
            if "PkgWatt" in cells:
                header = cells
                continue
            if not header or len(cells) < len(header):
                continue
            row = dict(zip(header, cells, strict=False))
            if not _is_summary(row):
                continue
            row_count += 1
            t_ns = _time_ns(row, row_count, about, where)
            for name, (channel, boundary, _) in DOMAINS.items():
                if name in row:
                    column = columns.setdefault(
                        name, Column(channel, "mean", boundary, METER, source=name)
                    )
                    column.add(t_ns, reading(row[name]), row[name])
        _nest(columns)
        return PowerLog(columns=list(columns.values()))


def _is_summary(row: dict[str, str]) -> bool:
    """Tell whether a row sums up all processors; without names of processors every row does."""
    named = [row[name] for name in SUMMARY_COLUMNS if name in row]
    return all(name == "-" for name in named)


def _time_ns(row: dict[str, str], row_count: int, about: About, where: str) -> int:
    if TIME in row:
        seconds = reading(row[TIME])
        return 0 if seconds is None else round(seconds * 1e6) * 1000
    if about.start_ns is not None and about.interval_s is not None:
        return about.start_ns + round(row_count * about.interval_s * 1e9)
    raise missing(
        where,
        "time",
        f"a column {TIME}, or its start and interval",
        f"Record with: turbostat --quiet --enable {TIME}; or add start and interval_s in a file "
        f"of its name and {ABOUT_SUFFIX}.",
    )


def _nest(columns: dict[str, Column]) -> None:
    ids = {column.id for column in columns.values()}
    for name, column in columns.items():
        put_inside(column, DOMAINS[name][2], ids)


FORMAT = Turbostat()
