"""Commands over declared footprints: compute, published, compare, clean."""

from __future__ import annotations

import click

from harness.cli.base import JSON, OK, cli, emit, seeded


@cli.group()
def footprint() -> None:
    """The paper's accounting: declared factors to energy and CO2e, and the published catalogue recomputed."""


@footprint.command()
@click.argument("names", nargs=-1)
@JSON
@click.option(
    "--format", "form", default="terminal", show_default=True,
    type=click.Choice(["terminal", "md", "csv", "html", "latex"]), help="Form of the table.",
)  # fmt: skip
@seeded
def published(names: tuple[str, ...], as_json: bool, form: str, level: float, seed: int) -> int:
    """Every published footprint recomputed from its declared inputs; NAMES show single ones in full."""
    from harness.catalogue import catalogue, entry
    from harness.render import footprint as render

    items = [entry(name) for name in names] if names else catalogue()
    if as_json:
        emit("published", render.published_document(items, level=level, seed=seed))
    elif names:
        click.echo("\n".join(render.one_text(item, level=level, seed=seed) for item in items), nl=False)
    else:
        click.echo(render.published_text(items, form), nl=False)
    return OK
