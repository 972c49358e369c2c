"""traces-from-journals: traces of a live run are what its journals hold.

Tampers of a recorded run are tested here too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import api
from harness.live.replay import replay
from tests.auditing.rules import builders as b
from tests.signing import live

RULE = "traces-from-journals"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live.record(tmp_path_factory.mktemp("live"))


@pytest.fixture
def run(recorded: Path, tmp_path: Path) -> Path:
    """A run directory to tamper with."""
    shutil.copytree(recorded.parent, tmp_path / "work")
    return tmp_path / "work" / recorded.name


def row_near(lines: list[bytes], at: int) -> int:
    return next(n for n, line in enumerate(lines) if n >= at and not line.startswith(b"#"))


def test_pass_as_recorded(run: Path) -> None:
    found = b.report(run.parent)
    b.assert_pass(found, RULE)
    b.assert_pass(found, "evidence-readable")
    assert found.verdict == "valid"
    b.assert_pass(b.report(run), RULE)


def test_skip_without_journals(run: Path, tmp_path: Path) -> None:
    (tmp_path / "server.csv").write_text((run / "traces" / "total.csv").read_text())
    b.assert_found(
        b.report(tmp_path / "server.csv"),
        RULE,
        "skip",
        where="result",
        got="no journals",
        expected="live",
    )


def test_warn_where_the_journals_are_gone(run: Path, tmp_path: Path) -> None:
    list(replay(run.parent, out=tmp_path / "again", notify=lambda _: None))
    b.assert_found(
        b.report(tmp_path / "again"),
        RULE,
        "warn",
        where="run-1",
        got="no journals",
        expected="samples",
    )


@pytest.mark.parametrize("ranks", [[{"node": 1}], [{"node": "a", "number": -1, "of": 1}], ["x"]])
def test_fail_ranks_that_are_none(run: Path, ranks: object) -> None:
    document = json.loads((run / "run.json").read_bytes())
    document["facts"]["ranks"] = ranks
    (run / "run.json").write_text(json.dumps(document))
    b.assert_found(
        b.report(run.parent), RULE, "fail", where="run-1", got="record of a rank", expected="rank"
    )


# Tampers, each with the hashes of the run record made to fit


def cut_tail(lines: list[bytes]) -> None:
    del lines[row_near(lines, 100) :]


def edit_value(lines: list[bytes]) -> None:
    lines[row_near(lines, 60)] = lines[row_near(lines, 60)].replace(b",10", b",9")


def swap(lines: list[bytes]) -> None:
    at = row_near(lines, 60)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def delete(lines: list[bytes]) -> None:
    del lines[row_near(lines, 60)]


@pytest.mark.parametrize("how", [edit_value, swap, delete], ids=lambda how: how.__name__)
def test_fail_journal_changed_by_hand_breaks_its_chain(
    run: Path, how: Callable[[list[bytes]], None]
) -> None:
    live.edit_lines(live.journal_of(run), how)
    live.state_hashes(run)
    found = b.report(run.parent)
    hit = b.assert_found(
        found,
        "evidence-readable",
        "fail",
        where="run-1/samples/m.csv:",
        got="chain-broken: lines",
        expected="file",
    )
    link = int(hit.where.rpartition(":")[2])
    assert live.journal_of(run).read_bytes().splitlines()[link - 1].startswith(b"# chain: ")
    assert 60 < link < 75


def test_fail_journal_cut_is_open_and_holds_less_than_the_trace(run: Path) -> None:
    live.edit_lines(live.journal_of(run), cut_tail)
    live.state_hashes(run)
    found = b.report(run.parent)
    b.assert_found(
        found,
        "evidence-readable",
        "warn",
        where="samples/m.csv",
        got="chain-open: bound",
        expected="end",
    )
    b.assert_found(
        found, RULE, "fail", where="run-1/traces/total", got="reading", expected="no reading"
    )


@pytest.mark.parametrize("how", [edit_value, delete], ids=lambda how: how.__name__)
def test_fail_journal_and_trace_differ_even_with_a_new_chain(
    run: Path, how: Callable[[list[bytes]], None]
) -> None:
    from harness.traces.journal.chain import Chain

    def forge(lines: list[bytes]) -> None:
        how(lines)
        chain = Chain()
        for n, line in enumerate(lines):
            if line.startswith(b"# chain: "):
                lines[n] = chain.link()
            else:
                chain.add(line)

    live.edit_lines(live.journal_of(run), forge)
    live.state_hashes(run)
    found = b.report(run.parent)
    b.assert_pass(found, "evidence-readable")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run-1/traces/total",
        got="reading 37: 103 W",
        expected="as its journal holds",
    )


def rewrite(run: Path, change: Callable[[str], str]) -> None:
    """Change the text of the trace, and all that identifies it, as a forger would."""
    from harness.traces.csv_store import read_csv, write_csv

    path = run / "traces" / "total.csv"
    first, rest = path.read_text().split("\n", 1)
    header = json.loads(first.removeprefix("# joulemark-trace: "))
    del header["content_sha256"]
    before = read_csv(path)
    path.write_text(change("# joulemark-trace: " + json.dumps(header) + "\n" + rest))
    trace = read_csv(path)
    assert (trace.channel, trace.content_sha256, trace.dropped) != (
        before.channel,
        before.content_sha256,
        before.dropped,
    )
    write_csv(trace, path)
    live.state_hashes(run)
    document = json.loads((run / "run.json").read_bytes())
    document["traces"][0]["content_sha256"] = trace.content_sha256
    (run / "run.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("old", "new", "got", "expected"),
    [
        (",104.0,", ",54.0,", "reading 3: 54 W at 2023", "reading 3: 104 W at 2023"),
        ('"kind": "instant"', '"kind": "mean"', "kind mean", "kind instant"),
        (
            '"reading_limit_pct": 1.0',
            '"reading_limit_pct": 0.1',
            "reading_limit_pct=0.1",
            "reading_limit_pct=1.0",
        ),
        ("# dropped: ", "# nothing: ", "0 failed readings", "the 1 that its journal holds"),
    ],
    ids=["reading", "kind", "accuracy", "failed readings"],
)
def test_fail_trace_changed_and_not_its_journal(
    run: Path, old: str, new: str, got: str, expected: str
) -> None:
    rewrite(run, lambda text: text.replace(old, new, 1))
    found = b.report(run.parent)
    b.assert_found(found, RULE, "fail", where="run-1/traces/total", got=got, expected=expected)
    b.assert_pass(found, "evidence-readable")


def test_fail_trace_taken_out_or_of_no_journal(run: Path) -> None:
    path = run / "run.json"
    document = json.loads(path.read_bytes())
    other = run / "traces" / "other.csv"
    other.write_text(
        (run / "traces" / "total.csv").read_text().replace('"id": "total"', '"id": "other"')
    )
    document["traces"][0] |= {"path": "traces/other.csv"}
    path.write_text(json.dumps(document))
    live.state_hashes(run)
    found = b.report(run.parent)
    b.assert_found(
        found, RULE, "fail", where="run-1/traces/total", got="no such trace", expected="channel"
    )
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run-1/traces/other",
        got="no journal holds",
        expected="journals only",
    )


def test_fail_journal_that_cannot_be_read(run: Path) -> None:
    live.journal_of(run).write_bytes(b"noise\n")
    found = b.report(run.parent)
    b.assert_found(
        found, RULE, "fail", where="run-1/samples", got="is not a journal", expected="can be read"
    )
    b.assert_found(
        found,
        "evidence-readable",
        "warn",
        where="samples/m.csv",
        got="chain-missing",
        expected="chain",
    )


def test_fail_a_journal_that_is_a_link_is_not_followed(run: Path, tmp_path: Path) -> None:
    live.journal_of(run).rename(tmp_path / "elsewhere.csv")
    live.journal_of(run).symlink_to(tmp_path / "elsewhere.csv")
    b.assert_found(
        b.report(run.parent),
        "evidence-readable",
        "fail",
        where="m.csv",
        got="symbolic link",
        expected="file",
    )


def test_pass_or_fail_of_a_crash_readings_are_kept_and_the_last_link_is_told(
    tmp_path: Path,
) -> None:
    run = live.record(tmp_path)
    content = live.journal_of(run).read_bytes()
    live.journal_of(run).write_bytes(content[: len(content) // 2])
    (run / "run.json").rename(run / "incomplete.json")
    document = json.loads((run / "incomplete.json").read_bytes())
    (run / "incomplete.json").write_text(
        json.dumps(document | {"window": None, "traces": [], "files": []})
    )
    (entry,) = api.read(run.parent).entries
    assert len(entry.runs[0].traces[0]) > 40
    found = b.report(run.parent)
    hit = b.assert_found(
        found,
        "evidence-readable",
        "warn",
        where="m.csv",
        got="chain-open: bound to line",
        expected="end",
    )
    last = int(hit.got.split("line ")[1].split(",")[0])
    assert content.splitlines()[last - 1].startswith(b"# chain: ")
    # The run is not judged beyond being incomplete.
    assert [finding.status for finding in b.of(found, RULE)] == ["skip"]
