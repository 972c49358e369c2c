"""Default options from a settings file.

Options can be set in the user's own file, in a file given by `--settings`, as environment variables
and as flags; each takes precedence over those before. No file is read from the working directory or
from a tree that is judged: a submission must not choose how it is judged. What a file sets for a
command is printed.

    audit:
      jobs: 4
    score:
      level: 0.9
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from harness.core.errors import UsageError, shorten

NAME = "joulemark.yaml"
Options = dict[str, Any]


def users_file() -> Path:
    """Return where the user's own settings file lies, if there is one."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "joulemark" / NAME


def load_settings(group: click.Group, stated: Path | None) -> tuple[Options, list[str]]:
    """Read the settings files.

    Args:
        group: The command group, whose commands and options can be set.
        stated: File given by `--settings`.

    Returns:
        Defaults by command, as click takes them, and a note for each command that a file sets.

    Raises:
        JoulemarkError: A file cannot be read, or sets what no command has.
    """
    defaults: Options = {}
    notes: dict[str, str] = {}
    user_file = users_file()
    paths = [user_file] if user_file.is_file() else []
    for path in [*paths, *([stated] if stated else [])]:
        from harness.core.documents import read_settings

        for name, options in read_settings(path).items():
            command = _find(group, name, path)
            defaults[name] = _merged(defaults.get(name, {}), _known(command, options, path, name))
            shown = ", ".join(f"{key} = {value}" for key, value in options.items())
            notes[f"{name} {path}"] = f"{path} sets for {name}: {shorten(shown, 400)}"
    return defaults, list(notes.values())


def _merged(first: Options, second: Options) -> Options:
    merged = dict(first)
    for name, value in second.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def _find(group: click.Group, name: str, path: Path) -> click.Command:
    command = group.commands.get(name)
    if command is None:
        raise _unknown("is not a command", name, list(group.commands), str(path))
    return command


def _known(command: click.Command, options: Options, path: Path, where: str) -> Options:
    """Return the options under the names of their parameters; refuse unknown ones."""
    names: dict[str, str] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name:
            for flag in parameter.opts:
                names[flag.lstrip("-").replace("-", "_")] = parameter.name
    defaults: Options = {}
    for name, value in options.items():
        subcommands = command.commands if isinstance(command, click.Group) else {}
        if name in subcommands and isinstance(value, dict):
            defaults[name] = _known(subcommands[name], value, path, f"{where}/{name}")
        elif name in names:
            defaults[names[name]] = value
        else:
            candidates = [*names, *subcommands]
            raise _unknown("is not an option", name, candidates, f"{path}#/{where}")
    return defaults


def _unknown(message: str, name: str, candidates: list[str], where: str) -> UsageError:
    from harness.core.suggestions import unknown_name

    return unknown_name(message, name, candidates, where=where)
