"""Read a series of ``ipmitool dcmi power reading``: the input power of a server by its BMC.

Each reading is a block; ``IPMI timestamp`` gives its time, by the BMC's clock::

    Instantaneous power reading:                   220 Watts
    Average power reading over sample period:      215 Watts
    IPMI timestamp:                           Mon Jan  5 10:00:00 2026
    Power reading state is:                   activated

The instantaneous reading is taken; minimum, maximum and average are over a period that the BMC
chooses, often since it was started.
"""

from __future__ import annotations

import re

from harness.core.errors import UnreadableError
from harness.formats.power_log.cells import missing, reading, stamp_ns, zone_note
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "bmc-redfish"
_POWER = re.compile(r"Instantaneous power reading\s*:\s*(.*?)\s*Watts", re.I)
_STAMP = re.compile(r"IPMI timestamp\s*:\s*(.+?)\s*$", re.I)
_STATE = re.compile(r"Power reading state is\s*:\s*(\w+)", re.I)
_FORMS = ("%a %b %d %H:%M:%S %Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S UTC")


class IpmiDcmi(LoggerFormat):
    """Reader of the output of ipmitool dcmi power reading."""

    name = "ipmi-dcmi"

    def recognises(self, head: str) -> bool:
        """Tell by the first line of a block."""
        return _POWER.search(head) is not None

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read the instantaneous reading of each block."""
        column = Column("bmc", "instant", "node", METER, source="dcmi")
        watts: str | None = None
        stamp: str | None = None
        is_active = True
        for line in [*text.splitlines(), "Instantaneous power reading: end Watts"]:
            power = _POWER.search(line)
            if power is not None:
                if watts is not None:
                    column.add(
                        _time_ns(stamp, about, where), reading(watts) if is_active else None, watts
                    )
                watts, stamp, is_active = power[1], None, True
            elif match := _STAMP.search(line):
                stamp = match[1]
            elif match := _STATE.search(line):
                is_active = match[1].lower() == "activated"
        states = {state.lower() for state in _STATE.findall(text)}
        if states and "activated" not in states:
            raise UnreadableError(
                "has no reading: the BMC does not measure power",
                where=where,
                got=f"Power reading state is: {', '.join(sorted(states))}",
                expected="activated",
                fix="Switch it on: ipmitool dcmi power activate. Some BMCs cannot measure.",
            )
        return PowerLog(columns=[column], notes=zone_note(about, where))


def _time_ns(stamp: str | None, about: About, where: str) -> int:
    if stamp is None:
        raise missing(
            where,
            "time",
            "a line IPMI timestamp in each block",
            "Keep the whole output: ipmitool dcmi power reading, once a second.",
        )
    return stamp_ns(stamp, about, *_FORMS)


FORMAT = IpmiDcmi()
