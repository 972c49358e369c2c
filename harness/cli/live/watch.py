"""The command that shows power and energy as they are measured: watch."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import JSON, OK, Number, cli, emit, note
from harness.cli.live.options import METERS

if TYPE_CHECKING:
    from harness.live.monitor.watch import Snapshot, Watch

DEFAULT_HOST = "127.0.0.1"
REFRESH_S = 1.0
"""Time between two looks at the figures [s]."""


class Address(click.ParamType):  # type: ignore[type-arg]
    """A port, or HOST:PORT; an IPv6 address stands in brackets."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return host and port."""
        host, _, port = str(value).rpartition(":")
        if not port.isdecimal() or not port.isascii() or int(port) > 65535:
            self.fail(f"{value} is no port; write 9400, or 0.0.0.0:9400", param, ctx)
        return host.strip("[]") or DEFAULT_HOST, int(port)


@cli.command()
@METERS
@click.option(
    "--interval",
    default=1.0,
    show_default=True,
    type=Number(0.001, 3600),
    help="Time between two readings [s].",
)
@click.option(
    "--duration",
    type=Number(0, None),
    help="Time to watch [s]; without it, until Ctrl-C.",
)
@click.option(
    "--prometheus",
    "address",
    type=Address(),
    metavar="[HOST:]PORT",
    help=f"Export the figures for Prometheus; on {DEFAULT_HOST} unless a host is named.",
)
@JSON
def watch(
    meters: tuple[str, ...],
    interval: float,
    duration: float | None,
    address: tuple[str, int] | None,
    as_json: bool,
) -> int:
    """Show the power of this machine, and the energy since the start.

    Without --meter, reads all meters that work here. Nothing is recorded; use `joulemark run` for
    a result. Ctrl-C ends it; with --json it then prints the last figures.

    \b
        joulemark watch --meter rapl --meter nvml
        joulemark watch --prometheus 9400
    """
    from harness.live.monitor.watch import Watch
    from harness.live.plan import Settings
    from harness.live.plan import meters as requested

    settings = Settings(out=Path(), meters=meters, interval_s=interval)
    with _ends_on_signal(), Watch(requested(settings)) as watched:
        for text in watched.notes:
            note(text)
        try:
            with _exported(watched, address):
                _show(watched, duration, as_json, is_log=address is None)
        except KeyboardInterrupt:
            pass
        snapshot = watched.snapshot()
    _conclude(snapshot, as_json)
    return OK


@contextmanager
def _ends_on_signal() -> Iterator[None]:
    """Let SIGTERM, by which services are stopped, end the command as Ctrl-C does.

    SIGINT is set too: a shell that starts the command in the background has it ignored.
    """
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exported(watched: Watch, address: tuple[str, int] | None) -> Any:
    """Return a context that exports the figures, or one that does nothing."""
    if address is None:
        return nullcontext()
    return _serve(lambda: watched.snapshot(), address)


@contextmanager
def _serve(snapshot: Callable[[], Snapshot], address: tuple[str, int]) -> Iterator[None]:
    from harness.live.monitor.exporter import exported
    from harness.render.watch.prometheus import prometheus_text

    with exported(lambda: prometheus_text(snapshot()), *address) as url:
        note(f"serving {url}")
        yield


def _show(watched: Watch, duration_s: float | None, as_json: bool, *, is_log: bool) -> None:
    """Show the figures once a second until the time is over.

    Args:
        watched: What to show.
        duration_s: How long [s]; None for ever.
        as_json: Whether stdout is kept for a document.
        is_log: Whether to print a line a second where stdout is no terminal.
    """
    from harness.render.terminal.watch import watch_line, watch_table

    is_terminal = sys.stdout.isatty() and not as_json
    end_s = None if duration_s is None else time.monotonic() + duration_s
    drawn = 0
    while end_s is None or time.monotonic() < end_s:
        left_s = REFRESH_S if end_s is None else min(REFRESH_S, end_s - time.monotonic())
        time.sleep(max(0.0, left_s))
        if is_terminal:
            drawn = _redraw(watch_table(watched.snapshot()), drawn)
        elif is_log and not as_json:
            click.echo(watch_line(watched.snapshot()))


def _redraw(lines: Sequence[str], drawn: int) -> int:
    """Draw lines over those drawn before; return how many there are now."""
    up = f"\x1b[{drawn}A" if drawn else ""
    click.echo(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J", nl=False)
    return len(lines)


def _conclude(snapshot: Snapshot, as_json: bool) -> None:
    """Print the last figures."""
    from harness.render.terminal.watch import watch_line
    from harness.render.watch.document import watch_document

    if as_json:
        emit("watch", watch_document(snapshot))
        return
    for text in snapshot.notes:
        note(text)
    note(watch_line(snapshot))
    if any(state.failures for state in snapshot.channels):
        failed = ", ".join(f"{s.channel.id} {s.failures}" for s in snapshot.channels if s.failures)
        note(f"failed reads: {failed}")
