"""The tree of hashes, and folders that a site may take."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.site.files import MARKER, SiteWriter, tree_root


def leaf(path: str, content: bytes) -> bytes:
    return hashlib.sha256(b"\0" + path.encode() + b"\0" + hashlib.sha256(content).digest()).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def test_root_of_three_files_is_that_of_the_tree_by_hand() -> None:
    contents = {"b": b"two", "a": b"one", "c/d": b"three"}
    digests = {path: hashlib.sha256(content).digest() for path, content in contents.items()}
    a, b, c = (leaf(path, contents[path]) for path in ("a", "b", "c/d"))
    assert tree_root(digests) == node(node(a, b), c)


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    writer = SiteWriter(tmp_path / "site")
    writer.write(MARKER, "{}")
    writer.write("results/a.html", "a page")
    writer.finish()
    command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    assert subprocess.run(command, cwd=tmp_path / "site", check=False).returncode == 0


def test_later_build_replaces_an_earlier_one(tmp_path: Path) -> None:
    first = SiteWriter(tmp_path)
    first.write(MARKER, "{}")
    first.write("results/old.html", "old")
    second = SiteWriter(tmp_path)
    second.write("results/new.html", "new")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["new.html"]


def test_fail_link_in_an_earlier_site(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / MARKER).write_text("{}")
    (tmp_path / "precious").write_text("years of work")
    (tmp_path / "site" / "index.html").symlink_to(tmp_path / "precious")
    with pytest.raises(UsageError, match="is a link"):
        SiteWriter(tmp_path / "site")
    assert (tmp_path / "precious").read_text() == "years of work"


def test_fail_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="not of a board"):
        SiteWriter(tmp_path)
    assert (tmp_path / "thesis.tex").exists()
