"""The documents keep their promises: commands run, links lead somewhere, clauses have headings."""

from __future__ import annotations

import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from harness.cli import cli
from harness.core.schemas import KINDS
from tests.command_line import Done, joulemark

REPOSITORY = Path(__file__).resolve().parents[2]
TEACHING = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
"""Documents whose commands are checked."""
DOCUMENTS = sorted(
    {
        *REPOSITORY.glob("*.md"),
        *TEACHING,
        *(
            path
            for folder in ("submissions", "workloads")
            for path in (REPOSITORY / folder).rglob("*.md")
        ),
    }
)
OWN_RULEBOOK = REPOSITORY / "harness/auditing/rules/rulebooks/joulemark-2026.yaml"
METHODOLOGY = REPOSITORY / "docs/explanation/methodology.md"
FORMATS = REPOSITORY / "docs/reference/formats.md"
DECISIONS = REPOSITORY / "docs/explanation/decisions"

FENCE = re.compile(
    r"^(?:<!-- run(?P<run>(?:: (?P<code>\d+))?) -->\n+)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.M | re.S,
)
ABSOLUTE = re.compile(r"(?<![\w.:/~-])/(?:work|tmp|root|home|Users)\b")
REGISTRIES = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|anaconda\.org|npmjs\.(?:org|com)|crates\.io|proxy\.golang\.org|docker\.io"
    r"|ghcr\.io|quay\.io|huggingface\.co)\b"
)


@dataclass(frozen=True)
class Block:
    """One code fence. code: exit code that it must have when it is run; None where it is not
    run."""

    where: str
    language: str
    body: str
    code: int | None

    @property
    def commands(self) -> list[list[str]]:
        """The words of each `joulemark` command in it, without what a shell would do with the
        output."""
        prompted = self.language == "console"
        if not prompted and self.language not in ("sh", "bash", "shell"):
            return []
        lines = self.body.replace("\\\n", " ").splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")] if prompted else lines
        return [words for line in typed for words in _joulemark(line)]


def _joulemark(line: str) -> Iterator[list[str]]:
    """Arguments of each joulemark command in one line of a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    simple: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;<>()"):
            simple.append([])
        else:
            simple[-1].append(word)
    for words in simple:
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words = words[1:]
        if words and words[0].rsplit("/", 1)[-1] == "joulemark":
            yield words[1:]
        elif words[1:3] == ["-m", "harness"]:
            yield words[3:]


def blocks(path: Path) -> list[Block]:
    text = path.read_text("utf-8")
    name = path.relative_to(REPOSITORY).as_posix()
    return [
        Block(
            where=f"{name}:{text.count(chr(10), 0, match.start()) + 1}",
            language=match["language"],
            body=match["body"],
            code=None if match["run"] is None else int(match["code"] or 0),
        )
        for match in FENCE.finditer(text)
    ]


BLOCKS = [block for path in TEACHING for block in blocks(path)]
RUN = [block for block in BLOCKS if block.code is not None]
COMMANDS = [(block.where, words) for block in BLOCKS for words in block.commands]


def _ids(blocks_: list[Block]) -> list[str]:
    return [block.where for block in blocks_]


@pytest.mark.parametrize(
    ("where", "words"), COMMANDS, ids=[f"{w} {' '.join(c)}" for w, c in COMMANDS]
)
def test_each_documented_command_parses(where: str, words: list[str]) -> None:
    name, *arguments = words or ["--help"]
    if name.startswith("-"):
        name, arguments = "joulemark", [name]
        command: click.Command = cli
    else:
        assert name in cli.commands, f"{where}: no command {name!r}"
        command = cli.commands[name]
    try:
        command.make_context(name, arguments)
    except click.exceptions.Exit:
        pass  # --help and --version
    except click.ClickException as error:
        pytest.fail(f"{where}: joulemark {' '.join(words)}: {error.format_message()}")


def test_a_wrong_command_would_be_found() -> None:
    with pytest.raises(click.NoSuchOption):
        cli.commands["score"].make_context("score", ["--no-such-option", "PATH"])
    block = Block(
        "here",
        "console",
        "$ A=1 .venv/bin/joulemark score a \\\n  --json > b | head\nscore\n",
        None,
    )
    assert block.commands == [["score", "a", "--json"]]


def _run(arguments: list[str], folder: Path) -> Done:
    if arguments[:2] == ["-m", "harness"]:
        return joulemark(*arguments[2:], cwd=folder, NO_COLOR="1")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def reader_folder(tmp_path: Path) -> Path:
    """A folder as a reader of the documents has it: with the example submissions."""
    shutil.copytree(REPOSITORY / "submissions", tmp_path / "submissions")
    return tmp_path


@pytest.mark.parametrize("block", RUN, ids=_ids(RUN))
def test_fences_marked_run_do_run(block: Block, reader_folder: Path) -> None:
    runs = (
        [["-c", block.body]]
        if block.language == "python"
        else [["-m", "harness", *c] for c in block.commands]
    )
    assert runs, f"{block.where}: marked to run, and holds no command"
    for arguments in runs:
        done = _run(arguments, reader_folder)
        assert done.returncode == block.code, (
            f"{block.where}: {arguments}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )


def test_the_declared_csv_of_the_documents_scores_and_is_valid(tmp_path: Path) -> None:
    found = [block for block in blocks(FORMATS) if block.language == "csv"]
    assert len(found) == 1
    (tmp_path / "server.csv").write_text(found[0].body, "utf-8")
    for command in ("score", "audit"):
        done = _run(["-m", "harness", command, "server.csv"], tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def _prose(path: Path) -> str:
    """A document without its fences and comments."""
    return re.sub(r"```.*?^```$|<!--.*?-->", "", path.read_text("utf-8"), flags=re.S | re.M)


def _headings(path: Path) -> list[str]:
    return [heading.strip() for heading in re.findall(r"^#{1,6} (.+)$", _prose(path), re.M)]


def _slug(heading: str) -> str:
    """The anchor that a heading gets on code hosts."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_relative_links_lead_to_files_and_headings(path: Path) -> None:
    for target in re.findall(r"\[[^\]]*\]\(<?([^)\s>]+)>?\)", _prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name}: {target} leads nowhere"
        assert file.is_relative_to(REPOSITORY), f"{path.name}: {target} leaves the repository"
        if anchor and file.suffix == ".md":
            assert anchor in map(_slug, _headings(file)), (
                f"{path.name}: {target} has no such heading"
            )


ARCHITECTURE = REPOSITORY / "docs/explanation/architecture.md"


def _names_of_code(path: Path) -> set[str]:
    """Names like `formats.load.search` in a page: a package of harness, and what is in it."""
    packages = "|".join(child.stem for child in (REPOSITORY / "harness").iterdir())
    return set(re.findall(rf"`((?:{packages})(?:\.\w+)+)`", path.read_text("utf-8")))


def test_every_name_of_the_architecture_page_exists() -> None:
    names = _names_of_code(ARCHITECTURE)
    assert len(names) > 30
    for name in names:
        pkgutil.resolve_name(f"harness.{name}")


def test_every_package_has_its_row_in_the_architecture_page() -> None:
    table = ARCHITECTURE.read_text("utf-8").split("## Words")[0]
    for folder in (REPOSITORY / "harness").iterdir():
        if (folder / "__init__.py").is_file():
            assert f"| `{folder.name}` |" in table


def _clauses() -> list[tuple[str, str]]:
    """(document, heading) of each clause of our own rulebook: `methodology, time: UTC` is the
    heading Time."""
    rules: dict[str, Any] = yaml.safe_load(OWN_RULEBOOK.read_text("utf-8"))["rules"]
    found = set()
    for rule in rules.values():
        document, comma, rest = re.fullmatch(
            r"(methodology|formats)([,:]) (.+)", rule["clause"]
        ).groups()
        found.add((document, rest.split(":")[0] if comma == "," else rest))
    return sorted(found)


@pytest.mark.parametrize(("document", "heading"), _clauses(), ids=lambda text: text)
def test_each_clause_of_our_rulebook_has_its_heading(document: str, heading: str) -> None:
    headings = [
        re.sub(r"^\d+\. ", "", text).lower()
        for text in _headings({"methodology": METHODOLOGY, "formats": FORMATS}[document])
    ]
    assert heading.lower() in headings


@pytest.mark.parametrize(
    "path", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_documents_name_no_path_of_a_machine_and_no_registry(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not ABSOLUTE.findall(text)
    assert not REGISTRIES.findall(text)


def test_decisions_have_unique_ascending_numbers_and_may_leave_gaps() -> None:
    """Several people write decisions at once: a number may be free, and none may be taken twice."""
    files = sorted(DECISIONS.glob("*.md"))
    assert [
        file.name for file in files if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", file.name)
    ] == []
    numbers = [int(file.name[:4]) for file in files]
    assert numbers == sorted(set(numbers))
    for file, number in zip(files, numbers, strict=True):
        stated = re.match(r"(\d+)\b", _headings(file)[0])
        assert stated is not None, f"{file.name}: its heading does not begin with its number"
        assert int(stated[1]) == number, f"{file.name}: its heading states another number"


def test_every_schema_is_documented_with_its_command() -> None:
    assert {
        path.name.removesuffix(".schema.json") for path in (REPOSITORY / "schemas").glob("*.json")
    } == set(KINDS)
    table = FORMATS.read_text("utf-8").split("## Schema versions")[1]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]*\|([^|]*)\|$", table, re.M))
    assert set(rows) == set(KINDS)
    for kind, cell in rows.items():
        known = [word for word in re.findall(r"`joulemark ([a-z]+)", cell) if word in cli.commands]
        assert known or cell.strip() == "the same", (
            f"docs/reference/formats.md names no command for {kind}"
        )
