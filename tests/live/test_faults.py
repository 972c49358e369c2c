"""No fault loses recorded data: a killed, full, forbidden or interrupted run keeps its readings.

Each test really kills, fills or interrupts `joulemark run` in a process of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import api
from harness.core.schemas import check
from harness.traces.journal.reader import read_samples
from tests.command_line import REPOSITORY, joulemark

PLUGINS = REPOSITORY / "tests" / "fakes" / "plugins"
SLEEP = (sys.executable, "-c", "import time; time.sleep(30)")
TOO_SHORT = 1
"""Exit status of a complete run that is shorter than its round allows."""
SHORT = (sys.executable, "-c", "import time; time.sleep(0.3)")


def start(
    out: Path,
    *command: str,
    limit: Callable[[], None] | None = None,
    meter: str = "steady",
    **more: str,
) -> subprocess.Popen[str]:
    """`joulemark run --command` in a process of its own, reading a meter at 50 Hz, no idle time."""
    options = {
        "meter": meter,
        "interval": "0.02",
        "idle": "0.2",
        "name": "work",
        "out": str(out),
    } | more

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
        if limit:
            limit()

    flags = [part for key, value in options.items() for part in (f"--{key}", value)]
    return subprocess.Popen(
        [sys.executable, "-m", "harness", "run", *flags, "--command", "--", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        preexec_fn=prepare,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(PLUGINS)]),
            "PYTHONWARNINGS": "error",
        },
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and what it said; never a traceback."""
    _, said = process.communicate(timeout=40)
    assert "Traceback" not in said, said
    return process.returncode, said


def eventually(found: Callable[[], object], seconds: float = 20.0) -> object:
    """Wait for something to be there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come")


def journal(out: Path) -> Path:
    return out / "work" / "run-1" / "samples" / "steady.csv"


def rows(out: Path) -> int:
    path = journal(out)
    return path.read_bytes().count(b"\n0,") if path.exists() else 0


def descendants(pid: int, name: str) -> list[int]:
    """Processes below a process whose command line holds a word."""
    found, pending = [], [pid]
    while pending:
        parent = pending.pop()
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                    child = int(path.parent.name)
                    pending.append(child)
                    if name in (path.parent / "cmdline").read_text():
                        found.append(child)
            except (OSError, IndexError):
                continue
    return found


def gone(pid: int) -> bool:
    """Whether a process runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def assert_incomplete(out: Path, *words: str) -> None:
    """`score` and `audit` call the run incomplete, with the reason, and its readings are there."""
    folder = out / "work" / "run-1"
    assert not (folder / "run.json").exists()
    check("run", json.loads((folder / "incomplete.json").read_text()))
    tree = api.read(out)
    (report,) = api.audit(tree).entries
    assert report.verdict == "invalid"
    (told,) = [finding for finding in report.findings if finding.status == "fail"]
    assert told.got.startswith("run-incomplete")
    assert "--resume" in told.fix
    (result,) = api.score(tree)
    assert result.energy.value is None
    for word in words:
        assert word in told.got
        assert word in result.notes[0]
    scored, audited = joulemark("score", out), joulemark("audit", out, "--verbose")
    assert (scored.returncode, audited.returncode) == (0, 1), scored.stderr + audited.stderr
    assert words[0] in " ".join(scored.stdout.split())
    assert words[0] in " ".join(audited.stdout.split())  # it is wrapped


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_a_run_ends_complete_and_lists_every_file(out: Path) -> None:
    status, said = ended(start(out, *SHORT))
    assert status == TOO_SHORT, said
    folder = out / "work" / "run-1"
    document = json.loads((folder / "run.json").read_text())
    check("run", document)
    listed = {item["path"] for item in [*document["files"], *document["traces"]]}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert listed == there - {"run.json"}
    (entry,) = api.read(out).entries
    assert entry.defects == ()
    assert entry.runs[0].window.seconds == pytest.approx(0.35, abs=0.3)


@pytest.mark.parametrize(
    "victim", ["harness.meters.sampler", "time.sleep", "supervisor.py", "parent"]
)
def test_kill_9_loses_at_most_a_second(victim: str, out: Path) -> None:
    process = start(out, *SLEEP)
    eventually(lambda: rows(out) > 30 and descendants(process.pid, "time.sleep(30)"))
    below = descendants(process.pid, "")
    if victim == "parent":
        os.kill(process.pid, signal.SIGKILL)
    else:
        mine = [
            pid
            for pid in descendants(process.pid, victim)
            if victim == "supervisor.py"
            or "supervisor.py" not in Path(f"/proc/{pid}/cmdline").read_text()
        ]
        os.kill(mine[0], signal.SIGKILL)
    killed_ns = time.time_ns()
    status, said = ended(process)
    expected = {"parent": -9, "harness.meters.sampler": 1}
    assert status == expected.get(victim, 2), said
    eventually(lambda: all(gone(pid) for pid in below))
    trace = read_samples(journal(out)).traces[0]
    assert killed_ns - int(trace.t_ns[-1]) < 1e9
    words = {
        "harness.meters.sampler": ("the sampler of meter steady ended", "SIGKILL"),
        "time.sleep": ("the workload was killed by SIGKILL",),
        "supervisor.py": ("the workload was lost", "SIGKILL"),
        "parent": ("it was not recorded to its end",),
    }[victim]
    assert_incomplete(out, *words)
    assert len(api.read(out).entries[0].runs[0].traces[0]) == len(trace)
    if victim != "parent":
        assert "the run is not complete" in said


def test_ctrl_c_and_sigterm_stop_all_and_say_so(out: Path) -> None:
    out.mkdir()
    for number, sent in enumerate((signal.SIGINT, signal.SIGTERM)):
        there = out / str(number)
        process = start(there, *SLEEP)
        eventually(
            lambda there=there, process=process: (
                rows(there) > 10 and descendants(process.pid, "time.sleep(30)")
            )
        )
        below = descendants(process.pid, "")
        process.send_signal(sent)
        status, said = ended(process)
        assert status == 130, said
        assert "interrupted" in said
        assert "--resume makes the missing ones" in said
        eventually(lambda below=below: all(gone(pid) for pid in below))
        assert_incomplete(there, "it was interrupted")
        assert read_samples(journal(there)).end is not None


def test_a_workload_that_fails_is_told_with_its_last_words(out: Path) -> None:
    status, said = ended(
        start(out, sys.executable, "-c", "print('no such device'); raise SystemExit(7)")
    )
    assert status == 2
    assert "exited with status 7" in said
    assert_incomplete(out, "exited with status 7", "no such device")


def test_a_program_that_is_not_there_is_told(out: Path) -> None:
    status, said = ended(start(out, "/no/such/program"))
    assert status == 2
    assert "cannot be started" in said
    assert_incomplete(out, "cannot be started", "/no/such/program")


def test_two_runs_into_one_folder_leave_the_first_as_it_was(out: Path) -> None:
    assert ended(start(out, *SHORT))[0] == TOO_SHORT
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    status, said = ended(start(out, *SHORT))
    assert status == 2
    assert "there is a run already" in said
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_of_two_runs_at_once_one_is_refused_and_the_other_whole(out: Path) -> None:
    both = [start(out, *SHORT) for _ in range(2)]
    found = sorted(ended(process) for process in both)
    assert [status for status, _ in found] == [TOO_SHORT, 2], found
    assert "there is a run already" in found[1][1]
    (entry,) = api.read(out).entries
    assert entry.defects == ()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be written to, by root neither."""
    place = tmp_path / "read-only"
    place.mkdir()
    if os.getuid() == 0:
        with mounted(place, flags=1):  # MS_RDONLY of mount(2)
            yield place
        return
    place.chmod(0o500)
    yield place
    place.chmod(0o700)


def test_a_read_only_folder_is_told_at_once(read_only: Path) -> None:
    status, said = ended(start(read_only / "runs", *SHORT))
    assert status == 2
    assert "Read-only file system" in said or "Permission denied" in said
    assert "Choose an --out that you may write to" in said
    assert list(read_only.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_left_as_it_is(out: Path) -> None:
    out.write_text("not a folder")
    status, said = ended(start(out, *SHORT))
    assert status == 2
    assert "--out" in said
    assert out.read_text() == "not a folder"


@contextlib.contextmanager
def mounted(place: Path, *, flags: int = 0, size: str = "64k") -> Iterator[None]:
    """A file system of a size in memory, mounted at a place."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", flags, f"size={size}".encode()) != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        libc.umount2(str(place).encode(), 2)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


def test_a_quota_that_is_used_up_ends_the_run_with_the_reason(out: Path) -> None:
    process = start(out, *SLEEP, limit=limited)
    status, said = ended(process)
    assert status == 1
    assert "File too large" in said
    assert journal(out).stat().st_size == 6000
    assert rows(out) > 10
    assert_incomplete(out, "the sampler of meter steady ended", "File too large")
    assert len(api.read(out).entries[0].runs[0].traces[0]) > 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place):
        yield place


def test_a_full_disk_ends_the_run_with_the_reason(small_disk: Path) -> None:
    out = small_disk / "runs"
    earlier = small_disk / "earlier.txt"
    earlier.write_text("kept")
    process = start(out, *SLEEP, interval="0.002")
    status, said = ended(process)
    assert status in (1, 2)  # the sampler or the harness notices first
    assert "No space left on device" in said
    assert "Free space on the disk" in said
    assert earlier.read_text() == "kept"
    assert rows(out) > 50
    assert_incomplete(out, "No space left on device")
    assert len(api.read(out).entries[0].runs[0].traces[0]) > 50


def test_a_changed_or_lost_file_is_found(out: Path) -> None:
    assert ended(start(out, *SHORT))[0] == TOO_SHORT
    path = journal(out)
    path.write_bytes(path.read_bytes().replace(b"100.0", b"100.1", 1))
    (out / "work" / "run-1" / "log" / "output.txt").unlink()
    (report,) = api.audit(api.read(out)).entries
    got = [finding.got for finding in report.findings if finding.rule == "evidence-readable"]
    assert len(got) == 3
    assert any("chain-broken" in text for text in got)
    assert any("file-changed" in text for text in got)
    assert any("file-unreadable" in text for text in got)


def test_one_incomplete_run_beside_complete_ones_is_told(out: Path) -> None:
    assert ended(start(out, *SHORT, repeat="2"))[0] == TOO_SHORT
    folder = out / "work" / "run-2"
    document = json.loads((folder / "run.json").read_text())
    document["facts"]["incomplete"] = "it was interrupted"
    (folder / "incomplete.json").write_text(
        json.dumps(document | {"window": None, "traces": [], "files": []})
    )
    (folder / "run.json").unlink()
    (result,) = api.score(api.read(out))
    assert result.n_runs == 2
    assert result.distinct_runs == 1
    assert result.notes[0] == "it was interrupted"
