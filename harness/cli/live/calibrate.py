"""The command that compares meters with each other."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import FINDINGS, JSON, OK, Number, cli, emit, note
from harness.cli.live.options import INTERVAL, METERS, OUT
from harness.core.errors import UsageError


@cli.command()
@METERS
@INTERVAL
@click.option("--reference", default="", help="Channel to compare with; the first by default.")
@click.option(
    "--seconds",
    default=120.0,
    show_default=True,
    type=Number(30, 3600),
    help="Time for all pulses [s].",
)
@click.option(
    "--load",
    type=click.Choice(["cpu", "gpu", "both"]),
    default="cpu",
    show_default=True,
    help="What works: the processors, the graphics boards, or both.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Private key to sign the calibration with.",
)
@JSON
@OUT
def calibrate(
    meters: tuple[str, ...],
    interval: float,
    reference: str,
    seconds: float,
    load: str,
    key: Path | None,
    as_json: bool,
    out: Path,
) -> int:
    """Compare meters under a square load of known times.

    The load works and rests in turns of 3 to 9 seconds. Each meter is compared with the
    reference, which should be the best and fastest of them. Exits with 1 if a fault is found.

    \b
        joulemark calibrate --meter ptdaemon:host=lab --meter redfish:host=bmc --out calibration
    """
    from harness.cli.submission import ask_passphrase
    from harness.live.calibration.calibrate import CalibrationRequest, table
    from harness.live.calibration.calibrate import calibrate as make_calibration
    from harness.live.plan import Settings
    from harness.live.plan import meters as requested
    from harness.signing.keys import read_private

    if len(meters) < 2:
        raise UsageError(
            "comparing takes two meters",
            where="--meter",
            got=str(len(meters)),
            expected="2 or more",
        )
    requests = requested(Settings(out=out, meters=meters, interval_s=interval))
    private = read_private(key, ask_passphrase) if key is not None else None
    note(f"the load works and rests for {seconds:g} s")
    request = CalibrationRequest(requests, reference, out, seconds, load)
    document = make_calibration(request, private)
    if as_json:
        emit("calibration", document)
    else:
        click.echo(table(document), nl=False)
    return FINDINGS if any(item["faults"] for item in document["meters"]) else OK
