"""`joulemark board`."""

import json
from pathlib import Path

from click.testing import CliRunner

from harness.cli import cli
from harness.core.resources import resource


def run(*arguments: object) -> tuple[int, str, object]:
    result = CliRunner().invoke(cli, ["board", *map(str, arguments)])
    return result.exit_code, result.output, result.exception


def test_board_prints_where_it_is_and_its_root(tmp_path: Path) -> None:
    source = resource("submissions") / "joulemark-2026"
    code, text, _ = run(source, "--out", tmp_path / "site", "--quiet")
    assert code in (0, None)
    assert f"{tmp_path}/site/index.html: 2 results" in text
    root = text.split("root ")[1].split()[0]
    tree = (tmp_path / "site" / "tree.js").read_text("utf-8")
    assert f'"root":"{root}"' in tree
    code, text, _ = run(source, "--out", tmp_path / "site", "--quiet", "--json")
    (written,) = json.loads(text)["written"]
    assert written["kind"] == "site"
    assert written["sha256"] == root


def test_fail_without_a_folder_or_with_one_of_others(tmp_path: Path) -> None:
    source = resource("submissions") / "joulemark-2026"
    assert "--out: is missing" in str(run(source)[2])
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "not of a board" in str(run(source, "--out", tmp_path, "--quiet")[2])
    assert "is no board" in str(run("--serve", tmp_path)[2])
    assert "shows one site" in str(run("--serve", tmp_path, tmp_path)[2])
