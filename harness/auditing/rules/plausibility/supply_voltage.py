"""The supply voltage is the one that the system description states."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import TINY_WINDOWS, Rule, RuleContext, Violation, location
from harness.formats.base import Run

_VOLTS = re.compile(r"(?<![\w.])([0-9]{1,2}(?:\.[0-9]{1,3})?)\s?V(?:olts?|DC)?(?![\w])")


def check(context: RuleContext) -> Iterator[Violation]:
    """Compare the voltage that the meter reports with the description, and with the script."""
    run = next(iter(context.entry.runs), None)
    tiny = run.evidence.tiny if run else None
    if run is None or tiny is None:
        return
    reported_v = tiny.voltage_v or tiny.script_voltage_v
    stated_v = _stated_voltages(context.entry.system_description or {})
    relative_max = context.limits["relative_max"]
    if reported_v is None or not stated_v:
        yield Violation(
            "systems",
            "no supply voltage in the log or in the description",
            "one in both",
            "State it.",
            status="skip",
        )
    elif all(abs(value / reported_v - 1) > relative_max for value in stated_v):
        stated = " and ".join(f"{value:g}" for value in sorted(stated_v))
        yield Violation(
            location(run),
            f"{reported_v:g}",
            f"{stated}, as the system description states",
            "Describe the system that was measured.",
            "V",
        )
    yield from _other_script(run, tiny.voltage_v, tiny.script_voltage_v, relative_max)


def _other_script(
    run: Run, reported_v: float | None, script_v: float | None, relative_max: float
) -> Iterator[Violation]:
    """Note a script that sets another voltage than the meter reports afterwards."""
    if not reported_v or not script_v or abs(script_v / reported_v - 1) <= relative_max:
        return
    got = f"a script that sets {script_v:g} V; the meter reports {reported_v:g} V"
    yield Violation(location(run), got, "", "Submit the script that ran.", status="note")


def _stated_voltages(description: Mapping[str, Any]) -> set[float]:
    """Return all voltages that a description states [V]."""
    text = json.dumps(description, default=str)
    values = {float(volts) for volts in _VOLTS.findall(text)}
    return {value for value in values if value > 0}


RULE = Rule(
    id="supply-voltage",
    title="The supply voltage is the one of the description",
    why="The power of a microcontroller grows with the square of its voltage, so a result at 1.8 V "
    "is not one at 3 V.",
    evidence="The voltage that the meter reports at the end of the session, else the one that the "
    "script sets, against all voltages that the system description states: one of them must be "
    "it, as core and pins may have their own. A script that sets another voltage than the meter "
    "reports is noted: of eight published results three have one, all with the description on the "
    "meter's side.",
    remedy="Describe the system that was measured.",
    limits=("relative_max",),
    applies_to=TINY_WINDOWS,
    check=check,
)
