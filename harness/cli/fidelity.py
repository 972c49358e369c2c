"""The command that tells whether two LLM servers answer alike: fidelity."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from harness.cli.base import FINDINGS, JSON, OK, cli, emit
from harness.core.schemas import SCHEMA_VERSION

FOLDER = click.Path(path_type=Path)


@cli.command()
@click.argument("reference", type=FOLDER)
@click.argument("candidate", type=FOLDER)
@JSON
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed.")
def fidelity(reference: Path, candidate: Path, as_json: bool, seed: int) -> int:
    """Test whether two LLM servers answer alike.

    REFERENCE and CANDIDATE hold runs of `joulemark endpoint` over the same questions, each asked
    several times at a temperature above 0. Exits with 1 if the answers differ.

    \b
        joulemark endpoint URL --model M --questions mixed:20 --rounds 20 --temperature 1 --out a
        joulemark fidelity a b
    """
    from harness.runners.endpoint.replies.fidelity import (
        LEVEL,
        compare_completions,
        completions_below,
    )

    result = compare_completions(
        completions_below(reference), completions_below(candidate), seed=seed
    )
    if as_json:
        emit("fidelity", {"schema_version": SCHEMA_VERSION, "level": LEVEL, **asdict(result)})
    else:
        verdict = "differ" if result.differs else "are not told apart"
        click.echo(f"the answers {verdict}: p = {result.p_value:.3g}, level {LEVEL:g}")
        click.echo(
            f"{result.completions} completions of {result.prompts} prompts,"
            f" MMD squared {result.distance:.4g}"
        )
        if result.false_alarms is not None:
            click.echo(
                f"the reference against itself: {result.false_alarms:.1%} false alarms"
                f" in {result.halvings} halvings"
            )
    return FINDINGS if result.differs else OK
