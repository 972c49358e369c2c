"""Outputs replace regular files only, and create no folders elsewhere unasked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.core.errors import UsageError
from harness.core.files import write_text
from harness.core.schemas import check
from tests.command_line import REPOSITORY, joulemark

EXAMPLES = REPOSITORY / "submissions"


def test_a_regular_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_nothing_but_a_regular_file_is_replaced(kind: str, tmp_path: Path) -> None:
    path, other = tmp_path / "page.html", tmp_path / "other"
    other.write_text("mine")
    if kind == "link":
        path.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    before = path.lstat().st_mode
    with pytest.raises(UsageError, match=f"is not a regular file.*got a {kind}"):
        write_text(path, "new")
    assert path.lstat().st_mode == before
    assert other.read_text() == "mine"


def test_a_file_beside_the_output_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "page.html.part").write_text("mine")
    write_text(tmp_path / "page.html", "new")
    assert (tmp_path / "page.html.part").read_text() == "mine"


def test_a_device_is_not_replaced() -> None:
    done = joulemark("audit", EXAMPLES, "--html", "/dev/full")
    assert done.returncode == 2
    assert "/dev/full: is not a regular file" in done.stderr
    assert not Path("/dev/full").is_file()


def test_folders_elsewhere_are_created_on_demand_only(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    here.mkdir()
    page = there / "deep" / "page.html"
    done = joulemark("audit", EXAMPLES, "--html", page, cwd=here)
    assert done.returncode == 2
    assert "add --mkdir to create it" in done.stderr
    assert not there.exists()
    assert joulemark("audit", EXAMPLES, "--html", page, "--mkdir", cwd=here).returncode == 1
    assert page.is_file()
    done = joulemark("audit", EXAMPLES, "--html", "deep/page.html", cwd=here)
    assert done.returncode == 1
    assert (here / "deep" / "page.html").is_file()


def test_a_picture_replaces_regular_files_only_and_creates_no_folders_unasked(
    tmp_path: Path,
) -> None:
    other, here = tmp_path / "other.svg", tmp_path / "here"
    other.write_text("mine")
    here.mkdir()
    (here / "link.svg").symlink_to(other)
    done = joulemark("footprint", "published", "--picture", "link.svg", cwd=here)
    assert done.returncode == 2
    assert "link.svg: is not a regular file" in done.stderr
    assert other.read_text() == "mine"
    done = joulemark("footprint", "published", "--picture", tmp_path / "there/x.svg", cwd=here)
    assert done.returncode == 2
    assert "add --mkdir to create it" in done.stderr
    assert not (tmp_path / "there").exists()


def test_a_skeleton_creates_no_folders_elsewhere_unasked(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    done = joulemark("new", "workload", "mine", "--out", tmp_path / "there/deep", cwd=here)
    assert done.returncode == 2
    assert "add --mkdir to create it" in done.stderr
    assert not (tmp_path / "there").exists()


def test_an_audit_is_written_in_the_form_of_each_suffix(tmp_path: Path) -> None:
    forms = {"a.html": "<!doctype html>", "a.json": "{", "a.sarif": "{", "a.xml": "<?xml"}
    options = [option for name in forms for option in ("-o", str(tmp_path / name))]
    done = CliRunner().invoke(cli, ["audit", str(EXAMPLES), "--select", "window-present", *options])
    assert done.exit_code == 0, done.output
    for name, beginning in forms.items():
        assert (tmp_path / name).read_text(encoding="utf-8").lower().startswith(beginning)
    check("audit-report", json.loads((tmp_path / "a.json").read_text(encoding="utf-8")))


def test_an_audit_refuses_a_suffix_of_no_form_before_it_reads(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["audit", "no-such-folder", "-o", str(tmp_path / "a.pdf")])
    assert isinstance(done.exception, UsageError)
    assert ".sarif" in str(done.exception)
