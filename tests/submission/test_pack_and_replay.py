"""Packing and replay: output is complete, hashed, without private data, with the same figures."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from harness import api
from harness.core.documents import canonical, read_document
from harness.core.errors import JoulemarkError, UnreadableError, UsageError
from harness.core.resources import resource
from harness.core.schemas import check
from harness.formats.run_directory import INCOMPLETE
from harness.live.measure import measure
from harness.live.plan import Settings, describe_system, plan_command
from harness.live.replay import pace, replay
from harness.submission.pack import pack

EXAMPLES = resource("submissions") / "lab-2026" / "inference" / "closed"
SYSTEM = "schema_version: '1.0'\nsubmitter: Tree Labs\nsystem_name: alder 2\ncooling: air\n"


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A valid entry as run directories."""
    out = tmp_path / "runs"
    api.import_tree(EXAMPLES / "SimulatedAlder", out=out)
    return out


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = tmp_path / "system.yaml"
    path.write_text(SYSTEM)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def energies(folder: Path) -> list[float | None]:
    return [result.energy.value for result in api.score(api.read(folder), draws=2000)]


def test_a_submission_lists_every_file_with_its_hash(
    runs: Path, system: Path, tmp_path: Path
) -> None:
    done = pack([runs], system, tmp_path / "out", division="closed")
    assert done.folder == tmp_path / "out" / "mlperf-inference-v4.1" / "closed" / "Tree_Labs"
    content = (done.folder / "manifest.json").read_bytes()
    manifest = json.loads(content)
    check("manifest", manifest)
    assert canonical(manifest) == content
    there = files(done.folder)
    del there["manifest.json"]
    assert {item["path"] for item in manifest["files"]} == there.keys()
    for item in manifest["files"]:
        assert (item["bytes"], item["sha256"]) == (
            len(there[item["path"]]),
            hashlib.sha256(there[item["path"]]).hexdigest(),
        )
    assert {path.name for path in done.folder.iterdir()} == {"manifest.json", "results", "systems"}
    assert "forced" not in manifest
    assert ("/status", "available, preview, or rdi") not in done.missing  # the simulator says it
    assert (
        read_document("system", done.folder / "systems" / "alder_2.json")["submitter"]
        == "Tree Labs"
    )


def test_a_submission_scores_and_audits_as_the_runs_did(
    runs: Path, system: Path, tmp_path: Path
) -> None:
    done = pack([runs], system, tmp_path / "out")
    assert energies(done.folder) == energies(runs)
    tree = api.read(done.folder)
    (report,) = api.audit(tree).entries
    assert report.reasons == ("required-evidence",)  # its session logs lie elsewhere
    (entry,) = tree.entries
    assert (entry.submitter, entry.system, entry.division) == ("Tree Labs", "alder 2", "open")


def test_what_an_audit_refuses_is_packed_by_force_only_and_marked(
    system: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "bad"
    api.import_tree(EXAMPLES / "SimulatedDogwood", out=runs)
    for record in runs.rglob("run.json"):
        document = json.loads(record.read_bytes())
        record.write_text(json.dumps(document | {"success": False}))
    with pytest.raises(UsageError, match=r"an audit would refuse it.*result-valid"):
        pack([runs], system, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*"))
    done = pack([runs], system, tmp_path / "out", force=True)
    assert "result-valid" in done.manifest["forced"][0]
    assert (
        json.loads((done.folder / "manifest.json").read_bytes())["forced"]
        == done.manifest["forced"]
    )


def test_an_earlier_submission_is_left_as_it_is(runs: Path, system: Path, tmp_path: Path) -> None:
    done = pack([runs], system, tmp_path / "out")
    before = files(done.folder)
    with pytest.raises(UsageError, match="there is a submission already"):
        pack([runs], system, tmp_path / "out")
    assert files(done.folder) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema_version: '1.0'\nsubmitter: X\nsystem_name: null\n", ()),
        ("schema_version: '1.0'\nsystem_name: 7\n", ("#/system_name", "string")),
        ("schema_version: '1.0'\n- x", ("is not YAML",)),
    ],
)
def test_a_system_description_that_lacks_something(
    text: str, words: tuple[str, ...], runs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(text)
    for file in runs.rglob("system.json"):
        document = json.loads(file.read_text())
        file.write_text(json.dumps(document | {"system_name": "this machine"}))
    with pytest.raises(JoulemarkError) as refused:
        pack([runs], path, tmp_path / "out")
    for word in words or ("/system_name", "Write these fields there"):
        assert word in str(refused.value)


@pytest.mark.parametrize("line", ["cooling: lava", "status: soon"])
def test_fail_a_word_that_a_system_description_does_not_know(
    line: str, runs: Path, system: Path, tmp_path: Path
) -> None:
    system.write_text(SYSTEM.replace("cooling: air\n", "") + line)
    name = line.partition(":")[0]
    with pytest.raises(UsageError, match=f"system.yaml#/{name}: is no {name}; got .*expected a"):
        pack([runs], system, tmp_path / "out")
    system.write_text(SYSTEM.replace("cooling: air", "cooling: Liquid"))
    assert pack([runs], system, tmp_path / "out").folder.is_dir()


def test_fail_a_system_description_that_is_not_there(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"is not there.*joulemark new system NAME"):
        pack([runs], tmp_path / "system.yaml", tmp_path / "out")


def test_private_data_is_refused(runs: Path, system: Path, tmp_path: Path) -> None:
    (runs / "note.txt").write_text("")
    folder = next(path.parent for path in runs.rglob("run.json"))
    (folder / "output.txt").write_text(f"File {Path.home()}/secret.py on {socket.gethostname()}\n")
    with pytest.raises(UsageError, match=r"name of this machine or of a home folder"):
        pack([runs], system, tmp_path / "out")
    pack([runs], system, tmp_path / "out", private=True)


def test_what_is_no_entry_is_not_packed(runs: Path, system: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a run directory.*joulemark import"):
        pack([EXAMPLES / "SimulatedAlder"], system, tmp_path / "out")
    with pytest.raises(UsageError, match=r"is one run of an entry"):
        pack([next(path.parent for path in runs.rglob("run.json"))], system, tmp_path / "out")
    (next(runs.rglob("run.json"))).write_text("{}")
    with pytest.raises(UnreadableError, match="cannot be packed"):
        pack([runs], system, tmp_path / "out")


def test_replay_of_the_same_run_gives_the_same_bytes(runs: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        list(replay(runs, out=tmp_path / name, notify=quiet))
    assert files(tmp_path / "a") == files(tmp_path / "b")
    traces = {name: content for name, content in files(runs).items() if name.endswith(".csv")}
    assert {name: c for name, c in files(tmp_path / "a").items() if name.endswith(".csv")} == traces
    assert energies(tmp_path / "a") == energies(runs)


def test_foreign_runs_replay_too(tmp_path: Path) -> None:
    for name in ("a", "b"):
        list(replay(EXAMPLES / "SimulatedAlder", out=tmp_path / name, notify=quiet))
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert energies(tmp_path / "a") == energies(EXAMPLES / "SimulatedAlder")


def test_replay_in_real_time_takes_as_long_as_the_run(tmp_path: Path) -> None:
    api.import_tree(EXAMPLES / "SimulatedAlder", out=tmp_path)
    (entry,) = api.read(tmp_path).entries
    slept: list[float] = []
    said: list[str] = []
    pace(entry.runs[0], said.append, slept.append)
    trace = entry.runs[0].traces[0]
    length = (int(trace.t_ns[-1]) - int(trace.t_ns[0])) / 1e9
    assert max(slept) == pytest.approx(
        length, abs=2.0
    )  # nobody slept, so each sleep is the whole time left
    assert len(said) == len({(int(t) - int(trace.t_ns[0])) // 10**9 for t in trace.t_ns})


def test_a_live_run_replays_and_an_incomplete_one_does_not(tmp_path: Path) -> None:
    settings = Settings(
        out=tmp_path / "live", meters=["estimator"], interval_s=0.05, idle_s=(0.2, 0.2)
    )
    plan = plan_command(["sleep", "0.5"], settings)
    (done,) = measure(plan)
    describe_system(plan)
    for name in ("a", "b"):
        list(replay(tmp_path / "live", out=tmp_path / name, notify=quiet))
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert energies(tmp_path / "a") == energies(tmp_path / "live")
    (done.folder / INCOMPLETE).write_bytes((done.folder / "run.json").read_bytes())
    (done.folder / "run.json").unlink()
    with pytest.raises(UnreadableError, match="the run is not complete"):
        list(replay(tmp_path / "live", out=tmp_path / "c", notify=quiet))


def test_links_pipes_and_hidden_files_are_not_packed(
    runs: Path, system: Path, tmp_path: Path
) -> None:
    (folder,) = (path.parent for path in runs.rglob("run.json") if path.parent.name == "run_1")
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / ".hidden").write_text("")
    packed = pack([runs], system, tmp_path / "out")
    names = {Path(item["path"]).name for item in packed.manifest["files"]}
    assert "run.json" in names
    assert not names & {"pipe", "link", ".hidden"}
    assert not [
        path for path in packed.folder.rglob("*") if not path.is_file() and not path.is_dir()
    ]
