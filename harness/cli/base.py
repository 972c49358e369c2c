"""What all commands share: exit codes, options, reading with progress, output."""

from __future__ import annotations

import functools
import io
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from harness import __version__
from harness.cli.common.progress_line import progress_line
from harness.cli.common.settings import load_settings
from harness.cli.group import CommandGroup, usage_error_text
from harness.core.errors import JoulemarkError, UsageError
from harness.core.printable import printable

if TYPE_CHECKING:
    from harness.api import Examined, Tree
    from harness.auditing.report import Report
    from harness.core.executors.workers import Workers

OK, FINDINGS, UNREADABLE, UNJUDGED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: success, findings, bad usage or unreadable input, could not judge, interrupted."""

TABLE_FORMATS = ("terminal", "md", "csv", "html", "latex")
FORMAT_BY_SUFFIX = {
    ".csv": "csv",
    ".htm": "html",
    ".html": "html",
    ".json": "json",
    ".md": "md",
    ".tex": "latex",
}

Command = TypeVar("Command", bound=Callable[..., Any])

_QUIET = "joulemark.quiet"


class Number(click.FloatRange):
    """A finite number in a range. Click alone would let NaN pass every range check."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; fail for NaN and infinity."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Level(Number):
    """A coverage probability, as a share or in percent: 0.95 and 95 are the same."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the share; fail for what is neither a share nor a percentage in the range."""
        try:
            number = float(str(value).strip().removesuffix("%"))
        except ValueError:
            self.fail(f"{value!r} is no coverage probability; write 0.95 or 95", param, ctx)
        if self.min is not None and self.max is not None:
            if 100 * self.min <= number <= 100 * self.max:
                number /= 100
            if math.isfinite(number) and not self.min <= number <= self.max:
                self.fail(
                    f"{value} is no coverage probability from {self.min:g} to {self.max:g}; "
                    f"write 0.95 or 95",
                    param,
                    ctx,
                )
        return super().convert(number, param, ctx)


def _set_quiet(context: click.Context, _: click.Parameter, quiet: bool) -> None:
    if quiet:
        context.meta[_QUIET] = True


def _output_options(command: Command) -> Command:
    """Add the options that control what every command prints."""
    quiet_option = click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_set_quiet,
        help="No progress and no notes; errors are still shown.",
    )
    json_option = click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document, as its schema says."
    )
    return json_option(quiet_option(command))


PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
JSON = _output_options


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code; no error shows a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names and units may hold characters that the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    arguments = None if args is None else list(args)
    try:
        code = cli.main(args=arguments, prog_name="joulemark", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else OK)
    except JoulemarkError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(UNREADABLE)
    except click.ClickException as error:
        complain(usage_error_text(error))
        sys.exit(UNREADABLE)
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        sys.exit(INTERRUPTED)
    except MemoryError:
        complain("out of memory. docs/explanation/security.md states how much an input may need.")
        sys.exit(UNJUDGED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OK)
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror}")
        sys.exit(UNREADABLE)


def complain(text: str) -> None:
    """Print an error on stderr; line ends stay, as some remedies are a few lines to copy."""
    lines = [printable(line) for line in text.split("\n")]
    click.secho("joulemark: " + "\n".join(lines), err=True, fg="red", color=_colour())


def note(text: str) -> None:
    """Print a note on stderr, unless the user asked for quiet."""
    if not _is_quiet():
        click.echo(f"joulemark: {text}", err=True)


def shows_progress() -> bool:
    """Return whether progress is shown: on a terminal, unless the user asked for quiet."""
    return sys.stderr.isatty() and not _is_quiet()


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and _QUIET in context.meta


def _colour() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "JOULEMARK"},
)
@click.version_option(__version__, prog_name="joulemark")
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with default options by command.",
)
@click.pass_context
def cli(context: click.Context, settings: Path | None) -> None:
    """Measure, audit and rank the energy of machine-learning workloads.

    Every option can also be set as JOULEMARK_<COMMAND>_<OPTION>, in the file given by --settings,
    or in joulemark.yaml in the user's configuration folder.
    """
    context.color = _colour()
    context.default_map, notes = load_settings(cli, settings)
    for text in notes:
        if text.partition(" sets for ")[2].startswith(f"{context.invoked_subcommand}:"):
            click.echo(f"joulemark: {printable(text)}", err=True)


def read_tree(paths: Sequence[Path], jobs: int = 1, timeout_s: float | None = None) -> Tree:
    """Read all entries below the paths, with progress, and report what cannot be read."""
    from harness import api

    with progress(api.search(*paths), "Reading") as items:
        tree = api.load(items, jobs=jobs, timeout_s=timeout_s)
    complain_of(tree)
    return tree


def examine_tree(paths: Sequence[Path], workers: Workers, **options: Any) -> Examined:
    """Score and audit where the entries are read, with progress; report what cannot be read."""
    from harness import api

    with progress_line(shows_progress()) as shown:
        done = api.examine(api.search(*paths), progress=shown, **workers.options(), **options)
    complain_of(done)
    return done


def refuse_grid(paths: Sequence[Path], carbon: object) -> None:
    """Raise UsageError where emissions are asked of a store."""
    if carbon is not None:
        raise UsageError(
            "a store holds no readings, and emissions need them",
            where=str(paths[0]),
            fix="Name the trees, or leave out the grid.",
        )


def read_stored_results(paths: Sequence[Path], level: float, seed: int, carbon: object) -> Examined:
    """Read the results of stores, and report what could not be read when they were collected."""
    from harness.render.store.reader import read_stores

    refuse_grid(paths, carbon)
    stored = read_stores(paths, level, seed)
    complain_of(stored)
    return stored


def complain_of(result: Tree | Report | Examined) -> None:
    """Print one line per entry that cannot be read, and one for all folders passed over."""
    for path, reason in result.unreadable:
        complain(f"cannot be read: {printable(path)}: {printable(reason)}")
    if result.skipped:
        first_reason = result.skipped[0][1]
        note(f"{len(result.skipped)} folders passed over ({first_reason}, ...)")


@contextmanager
def progress(items: Sequence[Any], label: str) -> Iterator[Any]:
    """Show a progress bar on stderr while the items are iterated, if stderr is a terminal."""
    if _is_quiet() or not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        yield bar


def seeded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that computes intervals."""

    @click.option(
        "--level",
        default=0.95,
        show_default=True,
        type=Level(0.5, 0.9999),
        help="Coverage probability of the intervals; 95 means 0.95.",
    )
    @click.option(
        "--seed",
        default=None,
        type=click.IntRange(0),
        help="Seed of the Monte Carlo draws; fixed by default.",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, seed: int | None, **options: Any) -> Any:
        from harness.uncertainty.monte_carlo import SEED

        return command(*args, seed=SEED if seed is None else seed, **options)

    return wrapped


TIMEOUT = click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    type=Number(1, 1e6),
    metavar="SECONDS",
    help="Time limit for one entry, in each step; one that takes longer gets no energy or verdict.",
)


def table_format(form: str | None, as_json: bool, out: Path | None = None) -> str:
    """Settle the format of a table from `--format`, `--json` and the suffix of `--out`.

    Args:
        form: Value of `--format`; None if it was not given.
        as_json: Whether `--json` was given.
        out: File to write to; None for standard output.

    Returns:
        One of `TABLE_FORMATS`, or "json"; "terminal" if nothing says otherwise.

    Raises:
        UsageError: Two of the options contradict each other, or the suffix is of no format and
            nothing else names one.
    """
    by_suffix = None if out is None else FORMAT_BY_SUFFIX.get(out.suffix.lower())
    stated = {
        "--json": "json" if as_json else None,
        f"--format {form}": form,
        f"--out {out}": by_suffix,
    }
    options = {option: choice for option, choice in stated.items() if choice is not None}
    if len(set(options.values())) > 1:
        raise UsageError(
            "options contradict each other",
            got=" and ".join(options),
            expected="one format",
            fix="Leave one of them out.",
        )
    if not options and out is not None and out.suffix:
        check_suffix(out, (*FORMAT_BY_SUFFIX, ".txt"), fix="Name the format with --format.")
    return next(iter(options.values()), "terminal")


def check_suffix(out: Path, suffixes: Iterable[str], fix: str) -> None:
    """Raise UsageError where the suffix of an output names no format."""
    if out.suffix.lower() not in suffixes:
        raise UsageError(
            "no format has this suffix",
            where=str(out),
            got=out.suffix or "no suffix",
            expected=", ".join(suffixes),
            fix=fix,
        )


def emit(kind: str, document: dict[str, Any]) -> None:
    """Print a document as JSON after checking it against its schema."""
    from harness.core.documents import dump_document

    click.echo(dump_document(kind, document), nl=False)


def wrote(command: str, written: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Report what a command wrote: a document of the schema `written`, or one path a line."""
    if not as_json:
        for item in written:
            click.echo(item["path"])
        return
    from harness.core.schemas import SCHEMA_VERSION

    document = {"schema_version": SCHEMA_VERSION, "command": command, "written": list(written)}
    emit("written", document)
