"""Hostile names of files and folders, and hostile paths in documents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import api
from harness.core.errors import JoulemarkError, SchemaError, UnreadableError
from harness.core.files import write_text
from harness.core.printable import UNSEEN, printable, visible_json, well_formed
from harness.core.schemas import check
from tests import command_line
from tests.command_line import REPOSITORY, Done
from tests.hostile import checks, trees
from tests.hostile.paths import whole


def joulemark(*args: object) -> Done:
    """Run the command; it prints never a traceback."""
    done = command_line.joulemark(*args)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def latin_1(tmp_path: Path) -> Path:
    """A tree whose submitter has a name that is no UTF-8."""
    trees.training(tmp_path)
    os.rename(os.fsencode(tmp_path / "t"), os.fsencode(tmp_path) + b"/caf\xe9\n\x1b[31m")
    return tmp_path


@pytest.mark.parametrize("command", ["audit", "score", "leaderboard"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_entry_whose_name_is_no_utf_8_is_not_judged_and_the_name_is_shown(
    command: str, form: list[str], latin_1: Path
) -> None:
    done = joulemark(command, latin_1, *form)
    assert "has a name that is no UTF-8 text" in done.stderr
    checks.visible(done.stdout)
    checks.visible(done.stderr)


def test_a_run_whose_name_is_no_utf_8(tmp_path: Path) -> None:
    trees.training(tmp_path)
    folder = os.fsencode(tmp_path / trees.TRAINING)
    os.rename(folder + b"/result_0.txt", folder + b"/result_\xff.txt")
    (unreadable,) = api.read(tmp_path).unreadable
    assert "no UTF-8 text" in unreadable[1]


def test_a_tree_below_a_folder_that_is_no_utf_8(latin_1: Path) -> None:
    (folder,) = latin_1.iterdir()
    whole(folder, latin_1 / "out")
    (entry,) = api.read(folder).entries
    assert entry.submitter == well_formed(folder.name)
    assert api.read(latin_1 / "out").entries  # what was imported is read again


def test_a_path_on_the_command_line_is_shown_harmless() -> None:
    done = joulemark("audit", "/no\udcff\x1b[31m\u202e")
    assert done.returncode == 2
    checks.visible(done.stderr)


def test_a_terminal_that_knows_few_letters(tmp_path: Path) -> None:
    trees.training(tmp_path)
    (tmp_path / "t").rename(tmp_path / "Z\u00fcrich \u4eac")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "score", str(tmp_path)],
        capture_output=True,
        cwd=REPOSITORY,
        timeout=100,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "iso8859-1"},
    )
    assert b"Z\xfcrich " + rb"\u4eac/results" in done.stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Zürich 5 µW 10 Ω", "Zürich 5 µW 10 Ω"),
        ("Россия", "Россия"),
        ("日本語", "日本語"),
        ("a\x1b[0m\x9b", "a?[0m?"),
        ("a\u202eb\u2066", "a?b?"),
        ("a\u200bb\ufeff\xad", "a?b??"),
        ("a\nb\x85", "a?b?"),
        ("\u0410lder", "?lder"),
        ("\u0405imulated", "?imulated"),
        ("c\u03bfre", "c?re"),
        ("\u3164\u2800\ufe0f", "???"),
        ("\udcff", "?"),
        ("\U000e0041", "?"),
        ("\ue000", "?"),
    ],
)
def test_what_hides_or_poses_is_made_visible(text: str, shown: str) -> None:
    assert printable(text) == shown.replace("?", UNSEEN)


def test_json_stays_the_same_document_and_hides_nothing() -> None:
    document = {"a\u202e": "\x9b é \U000e0041", "b": [1, None]}
    text = visible_json(json.dumps(document, ensure_ascii=False, indent=2))
    checks.visible(text)
    assert json.loads(text) == document
    assert json.loads(visible_json(json.dumps("\ud800", ensure_ascii=False))) == UNSEEN


PATHS = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "..",
    ".",
    "a\\..\\x",
    "\\\\host\\x",
    "a\0b",
    "a/",
    "a//b",
    "./a",
    "a\nb",
    "",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("field", ["traces", "files", "sources"])
def test_a_run_record_names_paths_inside_it_only(path: str, field: str, tmp_path: Path) -> None:
    trees.native(tmp_path)
    record = json.loads((tmp_path / "run_1/run.json").read_bytes())
    record[field] = [record["traces"][0] | {"path": path, "bytes": 1}]
    with pytest.raises(SchemaError):
        check("run", record)


@pytest.mark.parametrize("path", ["c:/x", "con"])
def test_a_drive_letter_is_a_name_like_others_or_refused(path: str, tmp_path: Path) -> None:
    trees.native(tmp_path)
    record = json.loads((tmp_path / "run_1/run.json").read_bytes())
    record["traces"] = [record["traces"][0] | {"path": path}]
    (tmp_path / "run_1/run.json").write_text(json.dumps(record))
    (entry,) = api.read(tmp_path).entries
    assert "trace-unreadable" in {defect.code for defect in entry.defects}


@pytest.mark.parametrize("field", ["traces", "files"])
def test_a_run_record_reaches_nothing_through_a_folder_that_is_a_link(
    field: str, tmp_path: Path
) -> None:
    trees.native(tmp_path / "in")
    away = tmp_path / "away/deep"
    away.mkdir(parents=True)
    trace = tmp_path / "in/run_1/traces/total.csv"
    (away / "total.csv").write_bytes(trace.read_bytes())
    (tmp_path / "in/run_1/link").symlink_to(away.parent)
    path = tmp_path / "in/run_1/run.json"
    record = json.loads(path.read_bytes())
    record[field] = [record["traces"][0] | {"path": "link/deep/total.csv", "bytes": 1}]
    path.write_text(json.dumps(record))
    (entry,) = api.read(tmp_path / "in").entries
    assert "link/deep/total.csv" in "".join(
        d.where for d in entry.defects if d.code.endswith("-unreadable")
    )


def test_a_hash_of_a_session_reaches_nothing_through_a_folder_that_is_a_link(
    tmp_path: Path,
) -> None:
    trees.inference(tmp_path / "in")
    (tmp_path / "away/deep").mkdir(parents=True)
    (tmp_path / "away/deep/x.txt").write_text("")
    power = tmp_path / "in" / trees.INFERENCE / "performance/power"
    (power / "link").symlink_to(tmp_path / "away")
    document = json.loads((power / "client.json").read_bytes())
    document["results"]["power/link/deep/x.txt"] = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    (power / "client.json").write_text(json.dumps(document))
    (entry,) = api.audit(tmp_path / "in").entries
    assert "links are not followed" in "".join(
        f.got for f in entry.findings if f.rule == "declared-hashes"
    )


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", "a/b", "a\\b", "a\0", "a\n", ""])
def test_ids_that_become_names_of_files_hold_no_path(name: str, tmp_path: Path) -> None:
    trees.native(tmp_path)
    record = json.loads((tmp_path / "run_1/run.json").read_bytes())
    with pytest.raises(SchemaError):
        check("run", record | {"id": name})
    header = json.loads(
        (tmp_path / "run_1/traces/total.csv").read_bytes().partition(b"\n")[0].partition(b": ")[2]
    )
    with pytest.raises(SchemaError):
        check("power-trace", header | {"id": name})


def test_two_runs_of_one_id_do_not_overwrite_each_other(tmp_path: Path) -> None:
    trees.native(tmp_path / "in")
    path = tmp_path / "in/run_2/incomplete.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"id": "run_1"}))
    with pytest.raises(UnreadableError, match="is there already"):
        api.import_tree(tmp_path / "in", out=tmp_path / "out")


def test_an_import_into_its_own_tree_changes_nothing_that_is_there(tmp_path: Path) -> None:
    trees.native(tmp_path / "in")
    before = {path: path.read_bytes() for path in (tmp_path / "in").rglob("*") if path.is_file()}
    with pytest.raises(JoulemarkError):
        api.import_tree(tmp_path / "in", out=tmp_path)
    assert before == {path: path.read_bytes() for path in before}


def test_names_longer_than_a_file_system_has(tmp_path: Path) -> None:
    trees.inference(tmp_path)
    (tmp_path / "closed/s/results/m").rename(
        tmp_path / "closed/s/results" / ("m" * 254)
    )  # and .json
    (client,) = tmp_path.rglob("client.json")
    document = json.loads(client.read_bytes())
    document["results"] |= {"x" * 5000: "0" * 40, "y/" * 3 + "z" * 300: "0" * 40, "\0": "0" * 40}
    client.write_text(json.dumps(document))
    whole(tmp_path)


def test_what_is_written_goes_through_no_hard_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    os.link(precious, tmp_path / "out.html")
    write_text(tmp_path / "out.html", "new")
    assert (precious.read_text(), (tmp_path / "out.html").read_text()) == ("mine", "new")


def test_a_hard_link_is_a_file_and_its_import_is_another(tmp_path: Path) -> None:
    trees.training(tmp_path / "in")
    node = tmp_path / "in" / trees.TRAINING / "power/result_0/node_0.txt"
    os.link(node, tmp_path / "elsewhere")
    before = node.read_bytes()
    done = api.import_tree(tmp_path / "in", out=tmp_path / "out")
    assert len(done.imported) == 1
    assert (tmp_path / "elsewhere").read_bytes() == before
    assert all(
        path.stat().st_nlink == 1 for path in (tmp_path / "out").rglob("*") if path.is_file()
    )


@pytest.mark.parametrize("field", ["submitter", "system", "benchmark", "scenario", "division"])
@pytest.mark.parametrize("blank", [" ", "\n", "\u00a0", "\u3000"])
def test_fail_a_name_that_ends_with_a_blank(field: str, blank: str, native_tree: Path) -> None:
    path = native_tree / "run_1" / "run.json"
    record = json.loads(path.read_bytes())
    record["entry"][field] += blank
    path.write_text(json.dumps(record))
    (entry,) = api.read(native_tree).entries
    assert any(f"{field} " in item.got and "another name" in item.got for item in entry.defects)


@pytest.fixture(scope="module")
def native_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    trees.native(folder)
    return folder


@pytest.fixture
def native_tree(native_source: Path, tmp_path: Path) -> Path:
    shutil.copytree(native_source, tmp_path / "tree")
    return tmp_path / "tree"
