"""Read macOS ``powermetrics --samplers cpu_power``: the mean power of each sample.

::

    *** Sampled system activity (Mon Jan  5 10:00:01 2026 +0100) (1001.12ms elapsed) ***
    CPU Power: 1234 mW
    Combined Power (CPU + GPU + ANE): 1290 mW

Apple states that these powers are estimated and should not be used to compare devices, so they
are estimates here. The combined power contains the others.
"""

from __future__ import annotations

import re

from harness.core.errors import UnreadableError
from harness.formats.power_log.cells import missing, reading, stamp_ns
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "declared-model"
_SAMPLE = re.compile(r"^\*\*\* Sampled system activity \((.+?)\) \(([0-9.]+)ms elapsed\)", re.M)
_POWER = re.compile(
    r"^(CPU|GPU|ANE|DRAM|Package|Combined) Power(?: \([^)]*\))?: ([0-9.]+) (m?W)", re.M
)
_FORM = "%a %b %d %H:%M:%S %Y %z"
WHOLE = ("combined", "package")
"""Channels that contain the others; the first that is there counts."""


HEAD = 4096
"""Characters in which a property list shows what it is."""


def _is_property_list(head: str) -> bool:
    return "<plist" in head and "elapsed_ns" in head


class PowerMetrics(LoggerFormat):
    """Reader of the text output of powermetrics."""

    name = "powermetrics"
    suffixes = (".txt", ".log", ".plist")

    def recognises(self, head: str) -> bool:
        """Tell by the line above each sample, or by a property list with lengths of samples."""
        return _SAMPLE.search(head) is not None or _is_property_list(head)

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read a column for each part."""
        if _is_property_list(text[:HEAD]):
            raise UnreadableError(
                "is a property list",
                where=where,
                expected="the text output of powermetrics",
                fix="Record without --format plist (-f plist).",
            )
        samples = list(_SAMPLE.finditer(text))
        ends = [match.start() for match in samples[1:]] + [len(text)]
        columns: dict[str, Column] = {}
        for sample, end in zip(samples, ends, strict=True):
            t_ns = stamp_ns(sample[1], about, _FORM)
            for part, number, unit in _POWER.findall(text, sample.end(), end):
                name = part.lower()
                column = columns.setdefault(
                    name, Column(name, "estimate", "package", METER, source=f"{part} Power")
                )
                value = reading(number)
                scale = 1e-3 if unit == "mW" else 1.0
                column.add(t_ns, None if value is None else value * scale, f"{number} {unit}")
        if not columns:
            raise missing(
                where,
                "power",
                "lines such as CPU Power: 1234 mW",
                "Record with: sudo powermetrics --samplers cpu_power,gpu_power -i 1000",
            )
        whole = next((name for name in WHOLE if name in columns), None)
        for name, column in columns.items():
            column.part_of = whole if name != whole else None
        return PowerLog(columns=list(columns.values()))


FORMAT = PowerMetrics()
