"""Commands that list what can be measured here: workloads, meters, doctor."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.base import FINDINGS, JSON, OK, cli, emit


@cli.command()
@JSON
def workloads(as_json: bool) -> int:
    """List the workloads and whether they can run here."""
    from harness.live import inventory
    from harness.render.terminal.inventory import workloads_text

    items = inventory.workloads()
    _inventory({"workloads": items}, workloads_text(items), as_json)
    return OK


@cli.command()
@click.option(
    "--probe",
    "spec",
    metavar="NAME[:OPTION=VALUE,...]",
    help="Show what this meter finds: channels, present values, and how it is recorded.",
)
@JSON
def meters(spec: str | None, as_json: bool) -> int:
    """List the meters, their channels and their accuracy.

    For a meter that cannot be used here, print what to do about it. Then show what a run without
    --meter would sum: which channel contains which, and what is not measured.

    \b
        joulemark meters --probe snmp:host=pdu-3.lab
    """
    from harness.live import inventory
    from harness.render.terminal.inventory import meters_text, probed_text

    if spec is not None:
        probed = inventory.probed_meter(spec)
        _inventory({"meters": [probed]}, probed_text(probed), as_json)
        return OK
    items, default_run = inventory.meters(), inventory.default_run()
    text = meters_text(items, default_run)
    _inventory({"meters": items, "default_run": default_run}, text, as_json)
    return OK


@cli.command()
@JSON
def doctor(as_json: bool) -> int:
    """Check this machine, and print a fix for what is missing.

    Exits with 1 if no workload can be run or nothing can be measured.
    """
    from harness.live import inventory
    from harness.render.terminal.inventory import doctor_text

    lists = inventory.everything()
    _inventory(lists, doctor_text(lists), as_json)
    for name in ("meters", "workloads"):
        if not any(item["ready"] for item in lists[name]):
            return FINDINGS
    return OK


def _inventory(lists: dict[str, Any], text: str, as_json: bool) -> None:
    from harness.core.schemas import SCHEMA_VERSION

    if as_json:
        emit("inventory", {"schema_version": SCHEMA_VERSION} | lists)
    else:
        click.echo(text, nl=False)
