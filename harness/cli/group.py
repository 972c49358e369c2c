"""The command group: help sorted by user, and every error of usage in one style."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import click

from harness.core.errors import shorten

SECTIONS = {
    "Start here": ("demo", "workloads", "meters", "doctor"),
    "Measure and submit": (
        "run",
        "watch",
        "endpoint",
        "experiment",
        "merge",
        "replay",
        "import",
        "pack",
        "keygen",
        "sign",
    ),
    "Audit": ("audit", "rules", "verify", "countersign"),
    "Read results": ("score", "leaderboard", "compare", "board", "collect", "history"),
    "CO2e and disclosure": ("whatif", "footprint", "report"),
    "Extend": ("new",),
}
"""Sections of `joulemark --help`. A command that is not listed appears under "More commands"."""

UNLISTED = "More commands"
SUMMARY_WIDTH = 1000
"""Longer than any summary: summaries are wrapped, never cut."""


class CommandGroup(click.Group):
    """A group whose help lists its commands by section, with whole summaries."""

    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one definition list per section."""
        summaries = {
            name: command.get_short_help_str(SUMMARY_WIDTH)
            for name, command in self.commands.items()
            if not command.hidden
        }
        name_width = max(map(len, summaries), default=0)
        sections = _sections(summaries) if ctx.parent is None else [("Commands", sorted(summaries))]
        for title, names in sections:
            rows = [(name.ljust(name_width), summaries[name]) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one, suggest a name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            from harness.core.suggestions import suggestion

            question = suggestion(name, self.commands)
            text = f"{shorten(name, 60)}: no such command"
            raise click.UsageError(f"{text}. {question}" if question else text, ctx)
        return super().resolve_command(ctx, args)


def _sections(names: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the commands of each section that has any."""
    listed = {name for section in SECTIONS.values() for name in section}
    for title, section in SECTIONS.items():
        present = [name for name in section if name in names]
        if present:
            yield title, present
    unlisted = sorted(set(names) - listed)
    if unlisted:
        yield UNLISTED, unlisted


def usage_error_text(error: click.ClickException) -> str:
    """Word an error of the command-line parser like every other error: where, what, remedy."""
    text = _where_and_what(error)
    if not text.endswith((".", "?")):
        text += "."
    context = getattr(error, "ctx", None)
    return text if context is None else f"{text} Try `{context.command_path} --help`."


def _where_and_what(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"{error.option_name}: no such option.{_did_you_mean(error.possibilities)}"
    if isinstance(error, click.MissingParameter):
        return f"{_parameter(error)}: is missing"
    if isinstance(error, click.BadParameter):
        return f"{_parameter(error)}: {error.message}"
    return error.format_message()


def _did_you_mean(names: Sequence[str] | None) -> str:
    return f" Did you mean {' or '.join(names)}?" if names else ""


def _parameter(error: click.BadParameter) -> str:
    """Name the option or argument at fault, as the user types it."""
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    if error.param is not None:
        return error.param.human_readable_name
    return str(error.param_hint or "command line")
