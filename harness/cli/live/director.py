"""The command that directs power sessions for a system on another machine."""

from __future__ import annotations

import socket

import click

from harness.cli.base import JSON, OK, cli, note, wrote
from harness.cli.live.options import METERS
from harness.core.errors import UsageError

EXPECTED = "ptdaemon:host=HOST,log=FILE or scpi:host=HOST"


@cli.command()
@METERS
@JSON
@click.option(
    "--listen",
    default="127.0.0.1:4950",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to wait at.",
)
@click.option("--once", is_flag=True, help="End after one session.")
def director(meters: tuple[str, ...], as_json: bool, listen: str, once: bool) -> int:
    """Direct power sessions of MLPerf Inference for another machine.

    Runs on the machine with the analyzer. The system under test then runs
    joulemark run WORKLOAD --mlperf-session --director HOST:4950. There is no login: listen on a
    network that only both machines are in. The logs are written there, so --json lists no files.

    \b
        joulemark director --meter ptdaemon:host=127.0.0.1,log=ptd_logfile.txt
    """
    from harness.live.director.remote import serve
    from harness.live.director.session import power_server
    from harness.meters import parse

    specs = [parse(text) for text in meters]
    if not specs:
        raise UsageError("directs nothing", where="--meter", expected=EXPECTED)
    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise UsageError("is no address", where="--listen", got=listen, expected="HOST:PORT")
    power_server(specs).close()  # a wrong meter is refused before anybody waits
    try:
        listener = socket.create_server((host, int(port)))
    except OSError as error:
        raise UsageError(
            f"cannot be listened at: {error.strerror}", where="--listen", got=listen
        ) from None
    with listener:
        note(f"waiting at {listen}")
        while True:
            serve(listener, lambda: power_server(specs), note)
            if once:
                break
    if as_json:
        wrote("director", [], as_json)
    return OK
