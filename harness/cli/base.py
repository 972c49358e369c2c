"""What all commands share: the group, exit codes, settings, reading with progress, JSON output."""

from __future__ import annotations

import functools
import io
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from harness import __version__
from harness.core.errors import JoulemarkError
from harness.core.printable import printable

if TYPE_CHECKING:
    from harness.api import Tree
    from harness.auditing.report import Report

OK, FINDINGS, UNREADABLE, UNJUDGED, INTERRUPTED = 0, 1, 2, 3, 130
PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document that its schema describes."
)


class Number(click.FloatRange):
    """A finite number in a range: to click NaN lies in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run and exit: 0 ok, 1 findings, 2 usage or unreadable input, 3 could not judge, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # of a name or a unit that this terminal cannot show
    try:
        code = cli.main(
            args=None if args is None else list(args), prog_name="joulemark", standalone_mode=False
        )
        sys.exit(code if isinstance(code, int) else OK)
    except JoulemarkError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(UNREADABLE)
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        sys.exit(INTERRUPTED)
    except MemoryError:
        complain(
            "needs more memory than there is; docs/explanation/security.md states how much files may ask for"
        )
        sys.exit(UNJUDGED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OK)
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror}")
        sys.exit(UNREADABLE)


def complain(text: str) -> None:
    seen = "\n".join(
        map(printable, text.split("\n"))
    )  # the remedy of some errors is a file to write
    click.secho(f"joulemark: {seen}", err=True, fg="red", color=_colour())


def _colour() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "JOULEMARK"}
)
@click.version_option(__version__, prog_name="joulemark")
@click.pass_context
def cli(context: click.Context) -> None:
    """Energy benchmark harness for machine learning: joules with intervals, audited and ranked.

    Options can be set in joulemark.yaml here, in the user's configuration folder, or as JOULEMARK_<COMMAND>_<OPTION>.
    """
    context.color = _colour()
    context.default_map = _settings()


def _settings() -> dict[str, Any]:
    """Defaults for options: the user's file, then the project's."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    merged: dict[str, Any] = {}
    for path in (home / "joulemark" / "joulemark.yaml", Path("joulemark.yaml")):
        if path.is_file():
            from harness.core.schemas import read_settings

            for command, options in read_settings(path).items():
                merged[command] = {**merged.get(command, {}), **options}
    return merged


def read_tree(paths: Sequence[Path], jobs: int = 1, timeout_s: float | None = None) -> Tree:
    """Read all entries, with progress on a terminal and a line on stderr for each that cannot be read."""
    from harness import api

    with progress(api.search(*paths), "Reading") as items:
        tree = api.load(items, jobs=jobs, timeout_s=timeout_s)
    complain_of(tree)
    return tree


def complain_of(read: Tree | Report) -> None:
    """A line on stderr for each entry that cannot be read, and one for what was passed over."""
    for path, reason in read.unreadable:
        complain(f"cannot be read: {printable(path)}: {printable(reason)}")
    if read.skipped:
        click.echo(
            f"joulemark: {len(read.skipped)} folders passed over ({read.skipped[0][1]}, ...)",
            err=True,
        )


@contextmanager
def progress(items: Sequence[Any], label: str) -> Iterator[Any]:
    if not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        yield bar


def seeded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that computes intervals."""

    @click.option(
        "--level",
        default=0.95,
        show_default=True,
        type=Number(0.5, 0.9999),
        help="Of the intervals.",
    )
    @click.option(
        "--seed", default=None, type=click.IntRange(0), help="Of the Monte Carlo; fixed by default."
    )
    @functools.wraps(command)
    def wrapped(*args: Any, seed: int | None, **options: Any) -> Any:
        from harness.uncertainty.monte_carlo import SEED

        return command(*args, seed=SEED if seed is None else seed, **options)

    return wrapped


def emit(kind: str, document: dict[str, Any]) -> None:
    from harness.core.schemas import dump_document

    click.echo(dump_document(kind, document), nl=False)


def wrote(command: str, written: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Tell what a command wrote: a document of the schema `written`, or the paths, one a line."""
    if as_json:
        from harness.core.schemas import SCHEMA_VERSION

        emit(
            "written",
            {"schema_version": SCHEMA_VERSION, "command": command, "written": list(written)},
        )
        return
    for item in written:
        click.echo(item["path"])
