"""The Python interface: what the command line does, for notebooks and other tools.

Example:
    Read a round once, then score, audit and rank it::

        import harness

        tree = harness.read("inference_results_v4.1")
        for result in harness.score(tree):
            print(result.entry.id, result.energy.value, result.energy.low, result.energy.high)
        report = harness.audit(tree)
        tables = harness.rank(tree)

Every function takes a path, several paths, what `search` returned, or what `read` returned. Input
that cannot be used at all raises a subclass of `harness.core.errors.JoulemarkError`; a single bad
entry is listed in `unreadable`.
"""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.auditing.report import EntryReport, Report
from harness.batch.examined import Examined
from harness.carbon.co2e import Inputs
from harness.core.errors import UsageError
from harness.core.executors.workers import Workers
from harness.core.progress import NO_PROGRESS, Progress
from harness.core.timestamps import to_iso
from harness.emissions.result_emissions import as_reference, with_co2e
from harness.energy.evaluation import evaluate_within
from harness.formats.discovery import Found, Skipped
from harness.formats.load import Import, Imported, Tree, import_tree, load, read, search
from harness.ranking.comparison import Comparison, compare
from harness.ranking.leaderboard import RankBy, Table, leaderboard
from harness.render.notebook.lists import Results, Tables
from harness.scoring.result import Result
from harness.scoring.score import score_all
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED

if TYPE_CHECKING:
    from harness.batch.work import Plan
    from harness.core.executors.base import Executor
    from harness.live.block import RecordedBlock
    from harness.signing.trust import Trust
    from harness.site.build import BuiltSite

Places = str | Path | Sequence[str | Path] | Iterable[Found | Skipped]
Source = Tree | Places
Rankable = Tree | Examined | Places


def _tree(source: Source, timeout_s: float | None = None) -> Tree:
    return source if isinstance(source, Tree) else load(_places(source), timeout_s=timeout_s)


def _places(source: Places) -> Iterable[Found | Skipped]:
    """Search paths; what `search` returned already stays as it is."""
    if isinstance(source, str | Path):
        return search(source)
    if isinstance(source, Sequence) and all(isinstance(item, str | Path) for item in source):
        return search(*cast("Sequence[str | Path]", source))
    return cast("Iterable[Found | Skipped]", source)


class measure(ContextDecorator):  # noqa: N801 - used like a function
    """Measure the energy of a block of code, or of each call of a function.

    The block becomes a run directory, as `joulemark run` writes it, which can be audited and
    packed. Blocks may be nested: each has samplers and a result of its own.

    Example:
        Measure a step with the meters that are available::

            with harness.measure("step") as m:
                train_one_epoch()
            print(m)  # step: 123.4 J [120.1, 126.7]

            @harness.measure("predict", meters=["rapl"])
            def predict(batch): ...

    Args:
        name: Name of the block.
        meters: Meters as the command line writes them; empty for those that are available.
        out: Folder for the run directories.
        interval_s: Time between reads [s].
        level: Coverage probability of the interval, 0 to 1.

    Attributes:
        results: The result of each execution, the last one last.
        folders: Its run directories.
    """

    def __init__(
        self,
        name: str = "block",
        *,
        meters: Sequence[str] = (),
        out: str | Path = "runs",
        interval_s: float = 0.1,
        level: float = LEVEL,
    ) -> None:
        self.name = name
        self.results = Results()
        self.folders: list[Path] = []
        self._meters, self._out, self._interval_s = meters, Path(out), interval_s
        self._level = level
        self._open: list[RecordedBlock] = []

    def __enter__(self) -> measure:
        """Start the samplers."""
        from harness.live.block import RecordedBlock

        block = RecordedBlock(self.name, self._meters, self._out, self._interval_s)
        block.start()
        self._open.append(block)
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        """Stop the samplers, and compute the result; a block that raises has none."""
        block = self._open.pop()
        block.stop(error)
        self.folders.append(block.folder)
        if error is None:
            self.results += score(block.folder, level=self._level)

    @property
    def result(self) -> Result:
        """Result of the last execution."""
        if not self.results:
            raise UsageError(
                f"block {self.name!r} has no result yet", fix="Read it after the block has ended."
            )
        return self.results[-1]

    @property
    def energy(self) -> Estimate:
        """Energy of the last execution, with its interval [J]."""
        return self.result.energy

    def __repr__(self) -> str:
        """Name the block and its energy."""
        if not self.results:
            return f"{self.name}: not measured yet"
        return f"{self.name}: {self.energy}"

    def _repr_html_(self) -> str:
        """Show the block in a notebook."""
        return f"<code>{html.escape(repr(self))}</code>"


def score(
    source: Source,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    carbon: Inputs | None = None,
    timeout_s: float | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    cache: str | Path | None = None,
) -> Results:
    """Compute energy, energy per unit and their intervals for each entry.

    Args:
        source: A path, several paths, what `search` returned, or what `read` returned.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo; the same seed gives the same numbers.
        draws: Draws of the Monte Carlo, a multiple of 10,000.
        carbon: Grid and PUE; with them each result carries its CO2e.
        timeout_s: How long reading, integrating and drawing one entry may take, each [s]; an
            entry that takes longer has no energy.
        jobs: Number of processes; they change nothing but the time.
        scheduler: Address of a Dask scheduler, whose workers score in their place.
        cache: Folder that keeps outcomes; those of entries that did not change are reused.

    Returns:
        One result for each entry, in the order of the tree: a list that shows itself in a
        notebook, with `to_pandas`, `to_arrow`, `plot` and `plot_power`. Results that other
        processes scored come without their readings, which `plot_power` needs.
    """
    workers = Workers(jobs, scheduler, cache)
    if workers.by_entry and not isinstance(source, Tree):
        from harness.batch.work import Plan

        plan = Plan(
            judges=False, timeout_s=timeout_s, level=level, seed=seed, draws=draws, carbon=carbon
        )
        return Results(_examined(source, plan, workers).results)
    entries = _tree(source, timeout_s).entries
    results = score_all(entries, level=level, seed=seed, draws=draws, timeout_s=timeout_s)
    if carbon is None:
        return Results(results)
    return Results(
        with_co2e(result, carbon, level=level, seed=seed, draws=draws) for result in results
    )


def audit(
    source: Source,
    *,
    round_name: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    jobs: int = 1,
    scheduler: str | None = None,
    cache: str | Path | None = None,
    timeout_s: float | None = None,
    trust: str | Path | None = None,
    progress: Progress = NO_PROGRESS,
) -> Report:
    """Judge each entry by the rulebook of its round; return findings and verdicts.

    Args:
        source: A path, several paths, what `search` returned, or what `read` returned.
        round_name: Judge by the rulebook of this round, whatever round an entry states.
        select: Ids of the rules to apply; empty for all.
        ignore: Ids of rules to leave out.
        jobs: Number of processes; they change nothing but the time. Each judges what it reads,
            unless `source` was read already.
        scheduler: Address of a Dask scheduler, whose workers do it in their place.
        cache: Folder that keeps outcomes; those of entries that did not change are reused.
        timeout_s: How long one entry may take [s]; an entry that takes longer is unjudged.
        trust: File that says whose signatures count; without one no signature is checked.
        progress: Receives each phase.
    """
    # Imported late: a score needs no rules.
    from harness.auditing.engine import audit_entries
    from harness.auditing.rules.selection import choose
    from harness.auditing.submission import with_submission_defects
    from harness.signing.trust import read_trust

    chosen = choose(select, ignore)
    trusted = None if trust is None else read_trust(Path(trust))
    workers = Workers(jobs, scheduler, cache)
    if workers.by_entry and not isinstance(source, Tree):
        from harness.batch.work import Plan

        plan = Plan(scores=False, round_name=round_name, chosen=chosen, timeout_s=timeout_s)
        done = _examined(source, plan, workers, trusted, progress)
        return Report(done.reports, done.unreadable, done.skipped)
    tree = _tree(source, timeout_s)
    entries = with_submission_defects(tree.entries, trusted, timeout_s)
    reports = audit_entries(
        entries,
        round_name,
        chosen=chosen,
        jobs=jobs,
        timeout_s=timeout_s,
        progress=progress,
    )
    return Report(reports, tree.unreadable, tree.skipped)


def rank(
    source: Rankable,
    *,
    by: RankBy = "energy",
    level: float = LEVEL,
    seed: int = SEED,
    carbon: Inputs | None = None,
    timeout_s: float | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    cache: str | Path | None = None,
) -> Tables:
    """Make the leaderboard: a table for each benchmark, scenario and class of measurement.

    The tables show themselves in a notebook, and have `to_pandas` and `to_arrow`.

    Args:
        source: A path, several paths, what `search`, `read` or `examine` returned.
        by: "energy"; "co2e" on a common reference intensity; or "correct", energy per correct
            answer.
        level: Coverage probability of the intervals, and of the ranks of a whole table.
        seed: Seed of the Monte Carlo.
        carbon: Grid and PUE; an annual or declared intensity is the common reference of all
            entries.
        timeout_s: How long each step may take for one entry [s]; an entry that takes longer is
            unjudged, and unranked.
        jobs: Number of processes; they change nothing but the time.
        scheduler: Address of a Dask scheduler, whose workers do it in their place.
        cache: Folder that keeps outcomes; those of entries that did not change are reused.
    """
    if isinstance(source, Examined):
        return Tables(leaderboard(source.results, source.reports_by_id, rank_by=by, seed=seed))
    workers = Workers(jobs, scheduler, cache)
    if isinstance(source, Tree) or not workers.by_entry:
        tables, _ = _ranked(_tree(source, timeout_s), by, level, seed, carbon, timeout_s)
        return Tables(tables)
    done = examine(
        source,
        level=level,
        seed=seed,
        carbon=carbon,
        timeout_s=timeout_s,
        **workers.options(),
    )
    return rank(done, by=by, seed=seed)


def examine(
    source: Places,
    *,
    judges: bool = True,
    level: float = LEVEL,
    seed: int = SEED,
    carbon: Inputs | None = None,
    timeout_s: float | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    cache: str | Path | None = None,
    progress: Progress = NO_PROGRESS,
) -> Examined:
    """Score and audit each entry where it is read, so that a tree need not fit into memory.

    Args:
        source: A path, several paths, or what `search` returned.
        judges: Whether to audit; then an annual or declared intensity of `carbon` is the common
            reference of all entries.
        level: Coverage probability of the intervals.
        seed: Seed of the Monte Carlo.
        carbon: Grid and PUE of the emissions; None computes none.
        timeout_s: How long each step may take for one entry [s].
        jobs: Number of processes.
        scheduler: Address of a Dask scheduler, whose workers do it in their place.
        cache: Folder that keeps outcomes; those of entries that did not change are reused.
        progress: Receives each phase.
    """
    from harness.batch.work import Plan

    inputs = as_reference(carbon) if judges and carbon is not None else carbon
    plan = Plan(judges=judges, level=level, seed=seed, carbon=inputs, timeout_s=timeout_s)
    return _examined(source, plan, Workers(jobs, scheduler, cache), progress=progress)


def _examined(
    source: Places,
    plan: Plan,
    workers: Workers,
    trust: Trust | None = None,
    progress: Progress = NO_PROGRESS,
) -> Examined:
    from harness.batch.examine import examine

    with _executor(plan, workers) as (executor, plan):
        return examine(_places(source), executor, plan, trust=trust, progress=progress)


@contextmanager
def _executor(plan: Plan, workers: Workers) -> Iterator[tuple[Executor, Plan]]:
    """Provide who does the work, and the plan with its cache."""
    from harness.core.executors.base import executor_of

    if workers.cache is not None:
        from harness.batch.cache import open_cache

        plan = replace(plan, cache=open_cache(Path(workers.cache)))
    with executor_of(workers.jobs, workers.scheduler) as executor:
        yield executor, plan


def examine_in_parts(
    source: Places,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    timeout_s: float | None = None,
    workers: Workers = Workers(),  # noqa: B008 - frozen
    progress: Progress = NO_PROGRESS,
) -> Iterator[Examined]:
    """Yield what `examine` returns, some entries at a time, so that not all are held together.

    Args:
        source: A path, several paths, or what `search` returned.
        level: Coverage probability of the intervals.
        seed: Seed of the Monte Carlo.
        timeout_s: How long each step may take for one entry [s].
        workers: Who does the work.
        progress: Receives each phase.
    """
    from harness.batch.examine import examine_in_parts as in_parts
    from harness.batch.work import Plan

    plan = Plan(level=level, seed=seed, timeout_s=timeout_s)
    with _executor(plan, workers) as (executor, plan):
        yield from in_parts(_places(source), executor, plan, progress=progress)


def _ranked(
    tree: Tree,
    by: RankBy,
    level: float,
    seed: int,
    carbon: Inputs | None,
    timeout_s: float | None,
) -> tuple[tuple[Table, ...], dict[str, EntryReport]]:
    """Return the leaderboard of a tree, and the audit of each entry by its id."""
    common = None if carbon is None else as_reference(carbon)
    results, reports = score_and_audit(
        tree, level=level, seed=seed, carbon=common, timeout_s=timeout_s
    )
    return leaderboard(results, reports, rank_by=by, seed=seed), reports


def score_and_audit(
    tree: Tree,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    carbon: Inputs | None = None,
    timeout_s: float | None = None,
) -> tuple[list[Result], dict[str, EntryReport]]:
    """Return the result of each entry, and its audit by id; each energy is integrated once.

    Args:
        tree: What `read` returned.
        level: Coverage probability of the intervals.
        seed: Seed of the Monte Carlo.
        carbon: Grid and PUE of the emissions; None computes none.
        timeout_s: How long each step may take for one entry [s].
    """
    from harness.auditing.engine import audit_entries
    from harness.auditing.submission import with_submission_defects

    evaluations = [evaluate_within(entry, timeout_s) for entry in tree.entries]
    audited = audit_entries(
        with_submission_defects(tree.entries, timeout_s=timeout_s),
        evaluations=evaluations,
        timeout_s=timeout_s,
    )
    results = score_all(
        tree.entries, level=level, seed=seed, evaluations=evaluations, timeout_s=timeout_s
    )
    if carbon is not None:
        results = [with_co2e(result, carbon, level=level, seed=seed) for result in results]
    return list(results), {report.id: report for report in audited}


def board(
    source: Rankable,
    out: str | Path,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    carbon: Inputs | None = None,
    trust: str | Path | None = None,
    title: str | None = None,
    sources: Sequence[str] = (),
    timeout_s: float | None = None,
    progress: Progress = NO_PROGRESS,
) -> BuiltSite:
    """Write a leaderboard and its audit as a static web site.

    The site needs no network and no server: open its `index.html`.

    Args:
        source: A path, several paths, what `search`, `read` or `examine` returned; the last has no
            readings, so the site neither shows nor recomputes them.
        out: Folder to write to: a new or empty one, or that of an earlier board.
        level: Coverage probability of the intervals, and of the ranks of a whole table.
        seed: Seed of the Monte Carlo.
        carbon: Grid and PUE; an annual or declared intensity is the common reference of all
            entries.
        trust: Trust file, whose keys let readers check signatures in their browsers.
        title: Title of the site.
        sources: Names of what was read, as the site states them; by default those of `source`.
        timeout_s: How long each step may take for one entry [s]; an entry that takes longer is
            unjudged, and unranked.
        progress: Receives each phase.

    Returns:
        Where the site is, and the root of its tree of hashes.
    """
    from harness.site.build import TITLE, About, build_site

    progress.phase("Ranking")
    tables: Sequence[Table]
    if isinstance(source, Examined):
        tree: Tree | Examined = source
        reports = source.reports_by_id
        tables = rank(source, seed=seed)
    else:
        tree = _tree(source, timeout_s)
        tables, reports = _ranked(tree, "energy", level, seed, carbon, timeout_s)
    about = About(
        sources=list(sources) or _source_names(source, tree),
        created=to_iso(time.time_ns()).partition("T")[0],
        level=level,
        seed=seed,
        title=title or TITLE,
        keys=None if trust is None else _public_keys(Path(trust)),
    )
    return build_site(
        Path(out),
        tables,
        reports,
        about,
        unreadable=tree.unreadable,
        skipped=len(tree.skipped),
        progress=progress,
    )


def _source_names(source: Rankable, tree: Tree | Examined) -> list[str]:
    """Return the paths that were given; of a tree the first part of its entries' ids."""
    if isinstance(source, str | Path):
        return [str(source)]
    if isinstance(source, Sequence) and all(isinstance(item, str | Path) for item in source):
        return [str(item) for item in source]
    return sorted({name.partition("/")[0] for name in tree.ids})


def _public_keys(path: Path) -> dict[str, dict[str, str]]:
    """Return key in Base64 and owner of each key of submitters in a trust file, by its id."""
    from harness.signing.trust import read_trust

    trusted = read_trust(path)
    keys = [key for owned in trusted.submitters.values() for key in owned if key.revoked is None]
    return {
        key.id: {
            "owner": key.owner,
            "key": base64.b64encode(key.public.public_bytes_raw()).decode(),
        }
        for key in keys
    }


__all__ = [
    "Comparison",
    "Examined",
    "Import",
    "Imported",
    "Results",
    "Tables",
    "Tree",
    "audit",
    "board",
    "compare",
    "examine",
    "import_tree",
    "load",
    "measure",
    "rank",
    "read",
    "score",
    "search",
]
