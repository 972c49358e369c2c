"""The command line: a thin shell over `harness.api`. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from harness import __version__
from harness.documents.errors import JoulemarkError

if TYPE_CHECKING:
    from harness.api import Tree

OK, FINDINGS, UNREADABLE, UNJUDGED, INTERRUPTED = 0, 1, 2, 3, 130
_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document that its schema describes.")


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run and exit: 0 ok, 1 findings, 2 usage or unreadable input, 3 could not judge, 130 interrupted."""
    try:
        code = cli.main(args=None if args is None else list(args), prog_name="joulemark", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else OK)
    except JoulemarkError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(UNREADABLE)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OK)
    except OSError as error:
        _complain(f"{error.filename or 'output'}: {error.strerror}")
        sys.exit(UNREADABLE)


def _complain(text: str) -> None:
    click.secho(f"joulemark: {text}", err=True, fg="red", color=_colour())


def _colour() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "JOULEMARK"})
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
            from harness.documents.validate import read_settings

            for command, options in read_settings(path).items():
                merged[command] = {**merged.get(command, {}), **options}
    return merged


def _read(paths: Sequence[Path], format_name: str | None = None) -> Tree:
    """Read all entries, with progress on a terminal and a line on stderr for each that cannot be read."""
    from harness import api

    found = api.search(*paths, format_name=format_name)
    with _progress(found, "Reading") as items:
        tree = api.load(items)
    for path, reason in tree.unreadable:
        _complain(f"cannot be read: {path}: {reason}")
    if tree.skipped:
        click.echo(f"joulemark: {len(tree.skipped)} folders passed over ({tree.skipped[0][1]}, ...)", err=True)
    return tree


@contextmanager
def _progress(items: Sequence[Any], label: str) -> Iterator[Any]:
    if not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        yield bar


def _seeded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that computes intervals."""

    @click.option(
        "--level",
        default=0.95,
        show_default=True,
        type=click.FloatRange(0.5, 0.9999),
        help="Of the intervals.",
    )
    @click.option("--seed", default=None, type=click.IntRange(0), help="Of the Monte Carlo; fixed by default.")
    @functools.wraps(command)
    def wrapped(*args: Any, seed: int | None, **options: Any) -> Any:
        from harness.uncertainty import SEED

        return command(*args, seed=SEED if seed is None else seed, **options)

    return wrapped


@cli.command()
@_PATHS
@_JSON
@_seeded
def score(paths: tuple[Path, ...], as_json: bool, level: float, seed: int) -> int:
    """Energy, energy per unit and intervals of every entry below PATHS."""
    from harness import api
    from harness.render.documents import result_document
    from harness.render.report import score_text

    tree = _read(paths)
    results = api.score(tree, level=level, seed=seed)
    if as_json:
        _emit("result", result_document(results, tree.unreadable, tree.skipped))
    else:
        click.echo(score_text(results), nl=False)
    return OK if results else UNREADABLE


@cli.command()
@_PATHS
@_JSON
@click.option("--round", "round_name", help="Judge by this round's rulebook instead of the one each entry states.")
@click.option("--verbose", is_flag=True, help="Print every finding, also the skipped.")
def audit(paths: tuple[Path, ...], as_json: bool, round_name: str | None, verbose: bool) -> int:
    """Every rule over every entry below PATHS: native run directories and raw MLPerf result trees."""
    from harness import api
    from harness.render.documents import audit_document
    from harness.render.report import audit_text
    from harness.rules.rulebook import rulebook

    if round_name is not None:
        rulebook(round_name)  # a wrong name is said before anything is read
    report = api.audit(_read(paths), round_name=round_name)
    if as_json:
        _emit("audit-report", audit_document(report, round_name))
    else:
        click.echo(audit_text(report, verbose=verbose), nl=False)
    if report.count("invalid"):
        return FINDINGS
    if not report.entries:
        return UNREADABLE
    return UNJUDGED if report.count("unjudged") else OK


@cli.command()
@_PATHS
@_JSON
@click.option("--rank-by", default="energy", show_default=True, type=click.Choice(["energy"]), help="What ranks.")
@click.option(
    "--format", "form", default="terminal", show_default=True,
    type=click.Choice(["terminal", "md", "csv", "json", "html", "latex"]), help="Form of the tables.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of stdout.")
@_seeded
def leaderboard(
    paths: tuple[Path, ...], as_json: bool, rank_by: Any, form: str, out: Path | None, level: float, seed: int
) -> int:
    """Tables with intervals and ranks; what is invalid stays visible, below, with the reason."""
    from harness import api
    from harness.documents.files import write_text
    from harness.documents.validate import dump_document
    from harness.render.board import board
    from harness.render.documents import leaderboard_document

    tree = _read(paths)
    tables = api.rank(tree, by=rank_by, level=level, seed=seed)
    if as_json or form == "json":
        text = dump_document("leaderboard", leaderboard_document(tables, tree.unreadable, tree.skipped))
    else:
        text = board(tables, form)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        click.echo(f"joulemark: wrote {out}", err=True)
    return OK if tables else UNREADABLE


@cli.command("import")
@_PATHS
@_JSON
@click.option("--format", "format_name", help="Read only this format.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option(
    "--store",
    default="csv",
    show_default=True,
    type=click.Choice(["csv", "parquet"]),
    help="Form of the traces.",
)
def import_(paths: tuple[Path, ...], as_json: bool, format_name: str | None, out: Path, store: str) -> int:
    """Turn foreign results below PATHS into run directories, and say what could not be used and why."""
    from harness import api

    done = api.import_tree(*paths, out=out, format_name=format_name, parquet=store == "parquet")
    if as_json:
        from harness.render.documents import import_document

        _emit("import-report", import_document(done))
    else:
        from harness.render.report import import_text

        click.echo(import_text(done), nl=False)
    return OK if done.imported else UNREADABLE


@cli.command()
@click.option("--out", default=Path("out/demo"), show_default=True, type=click.Path(path_type=Path, file_okay=False),
              help="Folder to write to.")  # fmt: skip
def demo(out: Path) -> int:
    """Import, score, audit and rank the bundled example submissions."""
    from harness.demo import run_demo

    for line in run_demo(out):
        click.echo(line)
    return OK


def _emit(kind: str, document: dict[str, Any]) -> None:
    from harness.documents.validate import dump_document

    click.echo(dump_document(kind, document), nl=False)
