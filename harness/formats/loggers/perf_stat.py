"""Read the energy counters of ``perf stat -I``: joules of each interval, by RAPL domain.

::

    # started on Mon Jan  5 10:00:00 2026                  (with -o FILE)
    #           time             counts unit events
         1.000123456              52.31 Joules power/energy-pkg/
         2.000223456      <not counted> Joules power/energy-pkg/

or with ``-x,``: ``1.000123456,52.31,Joules,power/energy-pkg/,...``. With ``--per-socket`` a socket
stands behind the time. An interval that was not counted is a failed reading: its energy is
unknown, not zero. The mean power of the interval ends at its time.
"""

from __future__ import annotations

import re

from harness.formats.power_log.cells import missing, put_inside, reading, stamp_ns, zone_note
from harness.formats.power_log.log import ABOUT_SUFFIX, About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "intel-rapl"
DOMAINS = {
    "energy-psys": ("psys", "psys", ()),
    "energy-pkg": ("package", "package", ("psys",)),
    "energy-ram": ("dram", "dram", ("psys",)),
    "energy-cores": ("cores", "core", ("package", "psys")),
    "energy-gpu": ("graphics", "uncore", ("package", "psys")),
}
"""Event -> channel, boundary, and the channels that may contain it, the nearest first."""
PLATFORM = "energy-psys"
_EVENT = re.compile(r"(?:power|power_core)/(energy-[a-z]+)/")
_LINE = re.compile(
    r"\s*(?P<time>[0-9]+[.,][0-9]+)\s+(?:(?P<socket>S[0-9]+(?:-\S+)?)\s+[0-9]+\s+)?"
    r"(?P<count><not counted>|<not supported>|[0-9][0-9.,']*)\s+Joules\s+(?P<event>\S+)"
)
_STARTED = re.compile(r"^# started on (.+)$", re.M)
_START_FORM = "%a %b %d %H:%M:%S %Y"


class PerfStat(LoggerFormat):
    """Reader of the output of perf stat -I with energy events."""

    name = "perf-stat"

    def recognises(self, head: str) -> bool:
        """Tell by an energy event in joules."""
        return "Joules" in head and _EVENT.search(head) is not None

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read a column for each domain of each socket."""
        start_ns, notes = about.start_ns, []
        if start_ns is None:
            started = _STARTED.search(text)
            start_ns = stamp_ns(started[1], about, _START_FORM) if started else None
            notes = zone_note(about, where) if started else []
        if not start_ns:
            raise missing(
                where,
                "time at which it started; its times are relative",
                "# started on Mon Jan  5 10:00:00 2026, as perf stat -o FILE writes",
                f'Record with -o FILE, or add "start": "2026-01-05T10:00:00Z" in a file of its '
                f"name and {ABOUT_SUFFIX}.",
            )
        columns: dict[tuple[str, str], Column] = {}
        last_s: dict[tuple[str, str], float] = {}
        for line in text.splitlines():
            fields = _fields(line)
            if fields is None:
                continue
            end_s, socket, count, event = fields
            key = (event, socket)
            column = columns.setdefault(key, _column(event, socket))
            seconds = end_s - last_s.get(key, 0.0)
            last_s[key] = end_s
            joules = reading(count)
            power_w = joules / seconds if joules is not None and seconds > 0 else None
            column.add(start_ns + round(end_s * 1e9), power_w, f"{count} Joules")
        _nest(columns)
        return PowerLog(columns=list(columns.values()), notes=notes)


def _fields(line: str) -> tuple[float, str, str, str] | None:
    """Return end [s], socket, count and event of a line, in either form."""
    match = _LINE.match(line)
    if match:
        time, socket, count, event = (
            match["time"],
            match["socket"] or "",
            match["count"],
            match["event"],
        )
    else:
        cells = [cell.strip() for cell in line.split(";" if ";" in line else ",")]
        if "Joules" not in cells or cells.index("Joules") < 2:
            return None
        unit_at = cells.index("Joules")
        time, count, event = cells[0], cells[unit_at - 1], [*cells, ""][unit_at + 1]
        socket = cells[1] if unit_at > 2 else ""
    domain = _EVENT.search(event)
    end_s = reading(time)
    if domain is None or domain[1] not in DOMAINS or end_s is None:
        return None
    return end_s, socket, count, domain[1]


def _column(event: str, socket: str) -> Column:
    channel, boundary, _ = DOMAINS[event]
    return Column(_id(channel, socket), "mean", boundary, METER, source=f"{event}/{socket}")


def _id(channel: str, socket: str) -> str:
    return f"{socket.lower()}-{channel}" if socket else channel


def _nest(columns: dict[tuple[str, str], Column]) -> None:
    """Put each domain into the one that contains it.

    The platform domain of one socket contains the other sockets too, if it is the only one.
    """
    ids = [column.id for column in columns.values()]
    platforms = [column.id for (event, _), column in columns.items() if event == PLATFORM]
    for (event, socket), column in columns.items():
        if event != PLATFORM:
            of_socket = [_id(container, socket) for container in DOMAINS[event][2]]
            put_inside(column, [*of_socket, *platforms], ids)


FORMAT = PerfStat()
