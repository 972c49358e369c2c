"""A load from the command line: recorded, scored, audited, and honest about what failed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="pip install 'joulemark[endpoint]'")

from harness import api
from harness.cli import main
from harness.core.schemas import check
from harness.runners.endpoint.runner import derive
from tests.runners.endpoint.servers import ANSWER, FakeServer, serve

WATTS = 50.0
METER = f"estimator:idle_w={WATTS:g},busy_w={WATTS + 0.001:g}"


def words_for(fake: FakeServer, out: Path) -> list[str]:
    """The command line of a short load with little idle time."""
    words = ["endpoint", fake.url, "--model", "m", "-m", METER, "--idle", "0.2"]
    return [*words, "-o", str(out), "--min-duration", "1.2"]


@dataclass
class Done:
    """How a command ended, and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


TOO_SHORT = 1
"""Exit code of a load of a second: the rules of our round demand ten."""


def assert_only_too_short(done: Done) -> None:
    """Nothing is wrong with a load but its length."""
    assert done.exit_code == TOO_SHORT, done.stderr
    faults = [line for line in done.stderr.splitlines() if ": got " in line]
    assert faults, done.stderr
    assert all("minimum-duration: got" in line for line in faults), done.stderr


Load = Callable[..., Done]


@pytest.fixture
def load(capsys: pytest.CaptureFixture[str]) -> Load:
    """Run `joulemark endpoint` against a server, with little idle time."""

    def run(fake: FakeServer, out: Path, *options: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main([*words_for(fake, out), *options])
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


def write_questions(path: Path, *prompts: str) -> str:
    """Write a set whose right answer is what the server says."""
    lines = [
        json.dumps({"id": str(number), "prompt": prompt, "answer": "Paris"})
        for number, prompt in enumerate(prompts)
    ]
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def test_points_are_measured_scored_and_valid(load: Load, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?", "Spain?", "Italy?")
    with serve(FakeServer(fragment_s=0.01)) as fake:
        done = load(
            fake, tmp_path / "out", "--questions", questions, "--concurrency", "1,3", "--json"
        )
    assert_only_too_short(done)
    document = json.loads(done.stdout)
    check("endpoint", document)
    one, three = document["points"]
    assert (one["concurrency"], three["concurrency"]) == (1, 3)
    assert fake.most_in_flight == 3
    for point in (one, three):
        completed = point["requests"]["completed"]
        assert completed % 3 == 0, "each question is asked equally often"
        assert point["output_tokens"] == completed * len(ANSWER)
        assert point["accuracy"] == {
            "correct": completed,
            "asked": completed,
            "chance": 0.0,
            "less_chance": 1.0,
        }
        expected_j = WATTS * point["duration_s"] / point["output_tokens"]
        assert point["joules_per_output_token"]["value"] == pytest.approx(expected_j, rel=0.01)
        assert point["idle_w"]["before"] == pytest.approx(WATTS, rel=0.01)
    assert three["tokens_per_second"] > 1.5 * one["tokens_per_second"]
    for entry in api.audit(tmp_path / "out").entries:
        failed = {finding.rule for finding in entry.findings if finding.status == "fail"}
        assert failed <= {"minimum-duration"}, "the windows are short on purpose"


def test_tokens_that_nothing_counts_are_absent_and_never_replies(
    load: Load, tmp_path: Path
) -> None:
    """One reply has no usage and one fragment each: fragments count nothing."""
    questions = write_questions(tmp_path / "set.jsonl", "nulls", "usage", "latin")
    with serve(FakeServer()) as fake:
        done = load(fake, tmp_path / "out", "--questions", questions, "--json")
    assert_only_too_short(done)
    (point,) = json.loads(done.stdout)["points"]
    assert point["output_tokens"] is None
    assert point["tokens_per_second"] is None
    assert point["tokens_per_joule"] is None
    assert point["joules_per_output_token"]["value"] is None
    assert point["joules_per_output_token"]["note"] == "nothing counted the tokens"
    assert point["joules_per_request"]["value"] > 0
    assert point["accuracy"]["correct"] == 2 / 3 * point["accuracy"]["asked"]


def test_loadgen_plays_its_server_scenario_with_token_latencies(load: Load, tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="pip install 'joulemark[loadgen]'")
    questions = write_questions(tmp_path / "set.jsonl", "France?", "broken", "Italy?", "Spain?")
    with serve(FakeServer(fragment_s=0.005)) as fake:
        done = load(
            fake, tmp_path / "out", "--questions", questions, "--loadgen-server", "40", "--json"
        )
    assert done.exit_code == 1, "a quarter of the requests failed"
    (point,) = json.loads(done.stdout)["points"]
    assert point["load"] == {"kind": "server", "value": 40.0}
    (path,) = (tmp_path / "out").rglob("run.json")
    record = json.loads(path.read_text("utf-8"))["facts"]["endpoint"]
    results = record["loadgen"]
    assert results["result_query_count"] == point["requests"]["issued"] >= 4
    assert 0 < point["requests"]["failed"] < point["requests"]["issued"]
    tokens = point["output_tokens"] + point["requests"]["failed"]  # one each, as LoadGen counts
    ours = tokens / point["duration_s"]
    assert results["result_completed_tokens_per_second"] == pytest.approx(ours, rel=0.1)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--concurrency", "nan"),
        ("--concurrency", "1,x"),
        ("--concurrency", "1.5"),
        ("--concurrency", "0"),
        ("--concurrency", "1,,2"),
        ("--rate", "inf"),
        ("--rate", "0"),
        ("--loadgen-server", "-1"),
        ("--lengths", "1.5"),
        ("--give-up-after", "nan"),
        ("--nodes-used", "2"),
        ("--node-power", "0"),
        ("--power-cap", "inf"),
    ],
)
def test_a_wrong_number_names_its_option_before_anything_is_written(
    option: str, value: str, load: Load, tmp_path: Path
) -> None:
    done = load(FakeServer(url="http://127.0.0.1:9"), tmp_path / "out", option, value)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"joulemark: {option}: ")
    assert "expected" in done.stderr or "range" in done.stderr or "finite" in done.stderr
    assert not (tmp_path / "out").exists()


def test_nodes_without_a_meter_are_counted_and_the_measured_figures_stay(
    load: Load, tmp_path: Path
) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    out = tmp_path / "out"
    words = ["--questions", questions, "--nodes", "4", "--node-power", "100"]
    with serve(FakeServer(fragment_s=0.01)) as fake:
        done = load(fake, out, *words, "--json")
        again = load(fake, out, "--questions", questions, "--nodes", "3")
    (point,) = json.loads(done.stdout)["points"]
    whole = point["all_nodes"]
    assert (whole["measured"], whole["nodes"], whole["method"]) == (1, 4, "")
    assert "a rated power covers a whole node" in whole["energy"]["note"]
    assert point["energy"]["value"] == pytest.approx(WATTS * point["duration_s"], rel=0.01)
    (report,) = api.audit(out).entries
    assert "node-count" in {item.rule for item in report.findings if item.status == "fail"}
    assert again.exit_code == 2
    assert "another number_of_nodes" in again.stderr


@pytest.mark.parametrize("limits", ["2000", "2000,0", "a,b", "1,2,3"])
def test_limits_of_loadgen_are_two_times(limits: str, load: Load, tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="pip install 'joulemark[loadgen]'")
    fake = FakeServer(url="http://127.0.0.1:9")
    done = load(fake, tmp_path / "out", "--loadgen-server", "4", "--token-limits", limits)
    assert done.exit_code == 2
    assert "is no pair of limits" in done.stderr
    assert not (tmp_path / "out").exists()


def test_failed_requests_are_counted_and_the_point_is_not_valid(load: Load, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?", "broken", "Italy?", "Spain?")
    with serve(FakeServer()) as fake:
        done = load(fake, tmp_path / "out", "--questions", questions, "--json")
    assert done.exit_code == 1
    (point,) = json.loads(done.stdout)["points"]
    requests = point["requests"]
    assert requests["failed"] * 4 == requests["issued"]
    assert point["output_tokens"] == requests["completed"] * len(ANSWER)
    assert point["accuracy"]["correct"] == requests["completed"]
    assert point["accuracy"]["asked"] == requests["issued"]
    assert "out of memory" in done.stderr


def test_a_busy_server_is_asked_again_and_that_is_counted(load: Load, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    with serve(FakeServer(busy=2)) as fake:
        done = load(fake, tmp_path / "out", "--questions", questions, "--warm-up", "0", "--json")
    assert_only_too_short(done)
    (point,) = json.loads(done.stdout)["points"]
    assert point["requests"]["retries"] == 2
    assert point["requests"]["failed"] == 0


def test_a_server_that_is_not_there_is_a_recorded_failure(load: Load, tmp_path: Path) -> None:
    with serve(FakeServer()) as fake:
        pass
    done = load(fake, tmp_path / "out")
    assert done.exit_code == 2
    assert "no request was answered" in done.stderr
    assert list((tmp_path / "out").rglob("events.jsonl"))


def test_a_server_that_dies_ends_the_load_early_as_a_failure(load: Load, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    words = ["--questions", questions, "--warm-up", "0", "--concurrency", "2"]
    words += ["--min-duration", "3600", "--give-up-after", "1", "--timeout", "20", "--json"]
    with serve(FakeServer(fragment_s=0.05, dies_after=5)) as fake:
        done = load(fake, tmp_path / "out", *words)
    assert done.exit_code == 1
    assert "the load ended early, as the server was gone: no connection in" in done.stderr
    (point,) = json.loads(done.stdout)["points"]
    requests = point["requests"]
    assert requests["completed"] >= 2
    assert requests["failed"] >= 2
    assert requests["issued"] == requests["completed"] + requests["failed"]
    (log,) = (tmp_path / "out").rglob("events.jsonl")
    assert derive(log.parent).events.abandoned
    (report,) = api.audit(tmp_path / "out").entries
    assert "result-valid" in {item.rule for item in report.findings if item.status == "fail"}


def test_a_restart_of_the_server_costs_requests_and_not_the_load(
    load: Load, tmp_path: Path
) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    with serve(FakeServer(fragment_s=0.02, dies_after=3, back_after_s=1.0)) as fake:
        done = load(fake, tmp_path / "out", "--questions", questions, "--warm-up", "0", "--json")
    assert "ended early" not in done.stderr
    (point,) = json.loads(done.stdout)["points"]
    assert point["requests"]["retries"] > 0
    (log,) = (tmp_path / "out").rglob("events.jsonl")
    last = derive(log.parent).events.requests[-1]
    assert last.completed


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8000", "is not the URL of a server"),
        ("http://[::1", "is not the URL of a server"),
        ("http://", "is not the URL of a server"),
        ("http://host:99999", "is not the URL of a server"),
        ("http://me:very-secret@host", "holds a user name or password"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_written(
    url: str, message: str, load: Load, tmp_path: Path
) -> None:
    done = load(FakeServer(url=url), tmp_path / "out")
    assert done.exit_code == 2
    assert message in done.stderr
    assert "very-secret" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_load_that_is_named_twice_is_one_point(load: Load, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    with serve(FakeServer()) as fake:
        done = load(
            fake, tmp_path / "out", "--questions", questions, "--concurrency", "1,1.0", "--json"
        )
    assert_only_too_short(done)
    assert len(json.loads(done.stdout)["points"]) == 1


def test_the_key_is_sent_and_is_in_no_file(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "very-secret")
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    with serve(FakeServer()) as fake:
        done = load(fake, tmp_path / "out", "--questions", questions, "--key-env", "SOME_KEY")
    assert_only_too_short(done)
    assert set(fake.keys) == {"Bearer very-secret"}
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"very-secret" not in path.read_bytes()


def test_a_key_file_that_others_can_read_is_refused(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret")
    path.chmod(0o644)
    done = load(FakeServer(url="http://127.0.0.1:9"), tmp_path / "out", "--key-file", str(path))
    assert done.exit_code == 2
    assert "chmod 600" in done.stderr


def test_an_address_that_is_no_url_is_refused_before_anything_is_written(
    load: Load, tmp_path: Path
) -> None:
    done = load(FakeServer(url="ftp://127.0.0.1"), tmp_path / "out")
    assert done.exit_code == 2
    assert "is not the URL of a server" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"two\nlines", b"\x00"])
def test_a_key_file_without_a_key_is_refused(content: bytes, load: Load, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    done = load(FakeServer(url="http://127.0.0.1:9"), tmp_path / "out", "--key-file", str(path))
    assert done.exit_code == 2
    assert "holds no API key" in done.stderr


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One point with two questions."""
    folder = tmp_path_factory.mktemp("endpoint")
    questions = write_questions(folder / "set.jsonl", "France?", "Spain?")
    with serve(FakeServer(fragment_s=0.01)) as fake, pytest.raises(SystemExit) as ended:
        main([*words_for(fake, folder / "recorded"), "--questions", questions])
    assert ended.value.code == TOO_SHORT
    return folder / "recorded"


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    shutil.copytree(recorded_once, tmp_path / "recorded")
    return tmp_path / "recorded"


def _more_tokens(line: str) -> str:
    return line.replace('"completion_tokens":5', '"completion_tokens":50')


def _right_answer(line: str) -> str:
    return line.replace("Paris", "Rome")


def _later_start(line: str) -> str:
    if '"sample.issued"' not in line or '"turn":0' not in line:
        return line
    event = json.loads(line)
    event["wall_ns"] += 200_000_000
    return json.dumps(event, separators=(",", ":"))


@pytest.mark.parametrize("edit", [_more_tokens, _right_answer, _later_start])
def test_an_event_log_that_was_edited_contradicts_its_record(
    edit: Callable[[str], str], recorded: Path
) -> None:
    (log,) = recorded.rglob("events.jsonl")
    lines = log.read_text("utf-8").splitlines()
    log.write_text("\n".join(map(edit, lines)) + "\n", "utf-8")
    (entry,) = api.audit(recorded).entries
    assert "record-matches-log" in {finding.rule for finding in entry.findings}


def test_what_was_recorded_is_derived_again_from_the_files(recorded: Path) -> None:
    (log,) = recorded.rglob("events.jsonl")
    point = derive(log.parent)
    (entry,) = api.read(recorded).entries
    (run,) = entry.runs
    assert run.work is not None
    assert run.work.count == point.metrics.output_tokens
    assert run.window == point.metrics.window
    assert point.grading is not None
    assert point.grading.accuracy == 1.0


MLPERF_CLIENT = """
import json, os, pathlib, time
folder = pathlib.Path(os.environ["JOULEMARK_LOG"]) / "report"
folder.mkdir(parents=True)
time.sleep(0.3)
with (folder / "events.jsonl").open("w") as log:
    def write(kind, **more):
        event = {"event_type": kind, "timestamp_ns": time.monotonic_ns(), **more}
        log.write(json.dumps(event) + "\\n")
    write("session.start_performance_tracking")
    for number in range(5):
        write("sample.issued", sample_uuid=str(number), data="prompt")
        time.sleep(0.1)
        write("sample.recv_first", sample_uuid=str(number))
        time.sleep(0.1)
        write("sample.complete", sample_uuid=str(number), data="some words")
    write("session.stop_performance_tracking")
time.sleep(0.3)
"""


def test_an_unmodified_client_is_aligned_by_the_clocks_of_the_journals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in that logs as MLPerf's client does: monotonic stamps only, no token counts."""
    words = ["run", "--command", "--name", "c", "-m", METER, "--idle", "0.2", "-o", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--", sys.executable, "-c", MLPERF_CLIENT])
    assert_only_too_short(Done(int(ended.value.code or 0), "", capsys.readouterr().err))
    (entry,) = api.read(tmp_path / "c").entries
    (run,) = entry.runs
    assert run.work is not None
    assert (run.work.count, run.work.unit) == (5, "query"), "no tokens are made up"
    assert run.window is not None
    assert 1.0 <= run.window.seconds < 1.4
    recording = run.evidence.recording
    assert recording is not None
    assert recording.idle is not None
    assert recording.idle["before"].stop_ns + 250_000_000 < run.window.start_ns
    assert run.window.stop_ns + 250_000_000 < recording.idle["after"].start_ns
    (report,) = api.audit(tmp_path / "c").entries
    assert "record-matches-log" not in {
        finding.rule for finding in report.findings if finding.status == "fail"
    }


def write_tokenizer(path: Path) -> str:
    """A tokenizer for which every word of a reply is a token, and a full stop too."""
    tokenizers = pytest.importorskip("tokenizers", reason="pip install 'joulemark[tokenizers]'")
    words = tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(path))
    return str(path)


def test_a_reference_tokenizer_counts_the_replies_once_more(load: Load, tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path / "tokenizer.json")
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    with serve(FakeServer()) as fake:
        load(fake, tmp_path / "out", "--questions", questions, "--tokenizer", tokenizer)
    (path,) = (tmp_path / "out").rglob("run.json")
    record = json.loads(path.read_text("utf-8"))["facts"]["endpoint"]
    assert record["reference_tokens"] == record["output_tokens"] == record["fragments"]
    assert len(record["tokenizer_sha256"]) == 64


def test_a_file_that_is_no_tokenizer_is_refused_before_anything_is_written(
    load: Load, tmp_path: Path
) -> None:
    pytest.importorskip("tokenizers", reason="pip install 'joulemark[tokenizers]'")
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    fake = FakeServer(url="http://127.0.0.1:9")
    done = load(fake, tmp_path / "out", "--tokenizer", str(tmp_path / "tokenizer.json"))
    assert done.exit_code == 2
    assert "is no tokenizer" in done.stderr
    assert not (tmp_path / "out").exists()


def test_lengths_of_replies_are_points_of_their_own(load: Load, tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    words = ["--questions", questions, "--lengths", "1,4", "--temperature", "0.5", "--json"]
    with serve(FakeServer()) as fake:
        done = load(fake, tmp_path / "out", *words)
    names = [point["id"].rpartition("/")[2] for point in json.loads(done.stdout)["points"]]
    assert names == ["concurrency-1-length-1", "concurrency-1-length-4"]
    assert {body["max_tokens"] for body in fake.seen} == {1, 4}
    assert {body["temperature"] for body in fake.seen} == {0.5}


@pytest.mark.parametrize("lengths", ["0", "1,,4", "a", "4,-1"])
def test_lengths_are_counts_of_tokens(lengths: str, load: Load, tmp_path: Path) -> None:
    fake = FakeServer(url="http://127.0.0.1:9")
    done = load(fake, tmp_path / "out", "--lengths", lengths)
    assert done.exit_code == 2
    assert "is no list of lengths" in done.stderr


def test_a_hosted_endpoint_without_a_meter_is_modelled_by_declared_watts(
    load: Load, tmp_path: Path
) -> None:
    questions = write_questions(tmp_path / "set.jsonl", "France?")
    with serve(FakeServer()) as fake:
        done = load(
            fake, tmp_path / "out", "--questions", questions, "-m", "nameplate:watts=1400", "--json"
        )
    document = json.loads(done.stdout)
    assert document["measurement_class"] == "modelled"
