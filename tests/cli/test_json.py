"""Every command prints one JSON document of its schema, with the same facts as its text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.core.resources import resource
from harness.core.schemas import check

EXAMPLES = resource("submissions") / "lab-2026"


def commands(group: click.Group, ahead: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{ahead}{name} ")
        else:
            yield ahead + name, command


@pytest.mark.parametrize(
    ("name", "command"), list(commands(cli)), ids=lambda item: item if isinstance(item, str) else ""
)
def test_every_command_has_json(name: str, command: click.Command) -> None:
    assert "--json" in {option for parameter in command.params for option in parameter.opts}, name


def said(kind: str, *args: object) -> dict[str, Any]:
    done = CliRunner().invoke(
        cli, [*map(str, args), "--json"] if "--" not in args else [*map(str, args)]
    )
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    check(kind, document)
    return document


@pytest.mark.parametrize("command", ["workloads", "meters", "doctor"])
def test_what_is_here_is_a_document_and_a_text(command: str) -> None:
    document = said("inventory", command)
    text = CliRunner().invoke(cli, [command]).stdout
    names = [
        item["name"]
        for kind in ("workloads", "meters")
        for item in document.get(kind, ())
        if item["ready"]
    ]
    assert names
    assert [name for name in names if name not in text] == []


def test_a_run_says_where_it_is_and_how_long_its_window_was(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    options = [
        "--meter",
        "estimator",
        "--idle",
        "0",
        "--name",
        "sleep",
        "--repeat",
        "2",
        "--out",
        runs,
        "--json",
    ]
    program = ["--command", "--", sys.executable, "-c", "import time; time.sleep(0.3)"]
    document = said("written", "run", *options, *program)
    assert document["command"] == "run"
    first, second = document["written"]
    assert [first["path"], second["path"]] == [str(runs / "sleep" / f"run-{n}") for n in (1, 2)]
    assert 0.3 <= first["window_s"] < 60


def test_what_is_replayed_packed_and_signed_is_told(tmp_path: Path) -> None:
    replayed = said(
        "written",
        "replay",
        EXAMPLES / "inference/closed/SimulatedAlder",
        "--out",
        tmp_path / "again",
    )
    assert {item["kind"] for item in replayed["written"]} == {"run"}
    system = tmp_path / "system.yaml"
    system.write_text("schema_version: '1.0'\nsubmitter: Tree Labs\nsystem_name: alder 2\n")
    (packed,) = said(
        "written", "pack", tmp_path / "again", "--system", system, "--out", tmp_path / "out"
    )["written"]
    assert packed["valid"] is True
    assert isinstance(packed["notes"], list)
    private, public = said("written", "keygen", "--out", tmp_path / "keys")["written"]
    assert public["key_id"]
    (signed,) = said("written", "sign", packed["path"], "--key", private["path"])["written"]
    assert Path(signed["path"]).is_file()


def test_zones_are_a_document_and_a_text() -> None:
    document = said("zones", "footprint", "zones")
    assert len(document["zones"]) > 50
    assert {item["source"] for item in document["zones"]} <= {
        item["id"] for item in document["sources"]
    }


def test_the_demo_tells_its_files(tmp_path: Path) -> None:
    document = said("written", "demo", "--no-live", "--out", tmp_path)
    assert all(Path(item["path"]).is_file() for item in document["written"])
