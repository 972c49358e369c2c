"""How ranks meet: strangers stay out, each place is given once, and all ranks hear each message."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.distributed import coordinator, worker
from harness.live.distributed.connection import MAX_MESSAGE_BYTES, Connection, PeerLost
from harness.live.distributed.coordinator import Coordinator
from harness.live.distributed.job import JobIdentity
from harness.live.distributed.launcher import ProcessRank
from harness.live.distributed.rendezvous import INVITATION, SINGLE_PROCESS, RankLost
from harness.live.distributed.worker import Worker
from harness.meters import MeterSpec
from tests.live.distributed.machines import free_port


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setattr(coordinator, "JOIN_TIMEOUT_S", 10.0)
    monkeypatch.setattr(worker, "JOIN_TIMEOUT_S", 10.0)


@pytest.fixture
def side() -> Iterator[ThreadPoolExecutor]:
    """Where the other ranks run."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def nothing() -> None:
    pass


def meet(
    side: ThreadPoolExecutor, folder: Path, number: int, of: int, then: Callable[[Worker], object]
) -> Future:
    def come() -> object:
        with Worker(ProcessRank(number, of), folder, "") as rendezvous:
            return then(rendezvous)

    return side.submit(come)


def test_all_go_from_point_to_point_and_compare_clocks(
    side: ThreadPoolExecutor, tmp_path: Path
) -> None:
    def follow(rendezvous: Worker) -> object:
        found = rendezvous.compare_clocks("met", nothing)
        rendezvous.wait_for_all("ready", nothing)
        return rendezvous.facts(), rendezvous.environment["MASTER_PORT"], found

    others = [meet(side, tmp_path, number, 3, follow) for number in (1, 2)]
    with Coordinator(ProcessRank(0, 3), tmp_path, "") as rendezvous:
        assert not (tmp_path / INVITATION).exists()  # nobody else is asked in
        assert rendezvous.nodes == 1
        assert rendezvous.compare_clocks("met", nothing) is None
        rendezvous.wait_for_all("ready", nothing)
        (first, port, offset), (second, *_) = (other.result(10) for other in others)
        assert (first["number"], second["number"], first["of"]) == (1, 2, 3)
        assert first["meeting"] == second["meeting"] == rendezvous.facts()["meeting"]
        assert port == rendezvous.environment["MASTER_PORT"]
        assert offset is None  # rank 1 is on the machine of rank 0, whose clock is the same


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b'{"rank": 1}\n',
        b'{"rank": 1, "token": "x"}\n',
        b"x" * (2 * MAX_MESSAGE_BYTES),
        b'{"token": "\\ud800"}\n',
        b'{"join": {"rank": 1}, "challenge": "c", "proof": "\\ud800"}\n',
        b'{"join": 3, "challenge": [], "proof": {}}\n',
        b'{"at": "ready"}\n{"clock": 0}\n{"failed": "x"}\n',
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\x00\n",
    ],
    ids=[
        "silence",
        "http",
        "no-object",
        "no-word",
        "wrong-word",
        "flood",
        "lone-surrogate",
        "surrogate-proof",
        "wrong-types",
        "messages-of-a-rank",
        "deep",
        "no-text",
    ],
)
def test_a_stranger_does_not_get_in_and_disturbs_nobody(
    said: bytes, side: ThreadPoolExecutor, tmp_path: Path
) -> None:
    def knock() -> None:
        while not (tmp_path / INVITATION).exists():
            time.sleep(0.01)
        assert (tmp_path / INVITATION).stat().st_mode & 0o077 == 0  # others cannot read the word
        there = json.loads((tmp_path / INVITATION).read_text())
        with socket.create_connection((there["addresses"][0], there["port"])) as stranger:
            stranger.sendall(said)
            other = meet(
                side, tmp_path, 1, 2, lambda rendezvous: rendezvous.wait_for_all("ready", nothing)
            )
            other.result(10)

    knocking = side.submit(knock)
    with Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous:
        assert rendezvous.connections.keys() == {1}
        rendezvous.wait_for_all("ready", nothing)
    knocking.result(10)


def test_each_place_is_given_once(side: ThreadPoolExecutor, tmp_path: Path) -> None:
    def follow(rendezvous: Worker) -> None:
        rendezvous.wait_for_all("ready", nothing)

    def hosting() -> None:
        with Coordinator(ProcessRank(0, 3), tmp_path, "") as rendezvous:
            rendezvous.wait_for_all("ready", nothing)

    hosted = side.submit(hosting)
    rivals = [meet(side, tmp_path, 1, 3, follow) for _ in range(2)]
    (refused,), _ = wait(rivals, 10, FIRST_COMPLETED)
    assert "there is a rank 1 already" in str(refused.exception())
    meet(side, tmp_path, 2, 3, follow).result(10)
    hosted.result(10)
    assert sum(rival.exception(10) is None for rival in rivals) == 1


@pytest.mark.parametrize("number", [-1, 0, 3, "1"])
def test_a_rank_that_cannot_be_is_refused(
    number: object, side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "JOIN_TIMEOUT_S", 1.0)
    refused = meet(side, tmp_path, number, 3, lambda rendezvous: rendezvous)  # type: ignore[arg-type]
    with pytest.raises(RankLost, match="no rank 1, 2"):
        Coordinator(ProcessRank(0, 3), tmp_path, "").__enter__()
    assert "no place for it" in str(refused.exception(10))
    assert not (tmp_path / INVITATION).exists()


JOB = JobIdentity("Slurm", "SLURM_JOB_ID=7", 2, "work", "c0ffee", "{}", "1 runs: 1", 1, "1.0")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"job": "SLURM_JOB_ID=8"}, r"job SLURM_JOB_ID=8, expected SLURM_JOB_ID=7"),
        ({"launcher": "PMI"}, "launcher PMI, expected Slurm"),
        ({"world_size": 3}, "world_size 3, expected 2"),
        ({"command": "beef"}, "command beef, expected c0ffee. Start the same command"),
        ({"seeds": "1 runs: 2"}, "seeds 1 runs: 2"),
        ({"settings": "[]"}, "settings"),
        ({"benchmark": "other"}, "benchmark other"),
        ({"run": 2}, "run 2, expected 1"),
        ({"version": "0.9"}, "version 0.9"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_rank_of_another_job_is_turned_away_and_the_right_one_is_let_in(
    changes: dict, words: str, side: ThreadPoolExecutor, tmp_path: Path
) -> None:
    def come(job: JobIdentity) -> None:
        with Worker(ProcessRank(1, 2), tmp_path, "", job) as rendezvous:
            rendezvous.wait_for_all("ready", nothing)

    def both() -> str:
        with pytest.raises(RankLost, match="belongs to another job") as caught:
            come(replace(JOB, **changes))
        come(JOB)
        return str(caught.value)

    ranks = side.submit(both)
    with Coordinator(ProcessRank(0, 2), tmp_path, "", JOB) as rendezvous:
        assert len(rendezvous.refusals) == 1
        rendezvous.wait_for_all("ready", nothing)
    assert words in ranks.result(10)


def test_jobs_at_one_port_are_parted_by_their_tokens_and_rank_0_says_why_nobody_came(
    side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "JOIN_TIMEOUT_S", 1.0)
    monkeypatch.setattr(worker, "JOIN_TIMEOUT_S", 0.5)
    tokens = {"coordinator": "ours", "worker": "theirs"}
    monkeypatch.setattr(coordinator, "job_token", lambda: tokens["coordinator"])
    monkeypatch.setattr(worker, "job_token", lambda: tokens["worker"])
    place = f"127.0.0.1:{free_port()}"

    def come() -> None:
        with Worker(ProcessRank(1, 2), tmp_path, place):
            pass

    other = side.submit(come)
    with pytest.raises(RankLost, match="no rank 1"):
        Coordinator(ProcessRank(0, 2), tmp_path, place).__enter__()
    assert "another token (JOULEMARK_JOB_TOKEN)" in str(other.exception(10))


def test_the_token_is_never_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "JOIN_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address, port = server.getsockname()
        place = {"addresses": [address], "port": port, "token": "a secret of the job"}
        (tmp_path / INVITATION).write_text(json.dumps(place))
        with ThreadPoolExecutor(1) as pool:
            joining = pool.submit(Worker(ProcessRank(1, 2), tmp_path, "").__enter__)
            liar = Connection(server.accept()[0])
            liar.send(hello=2, challenge="c")
            (message,) = liar.receive(5.0)
            assert "secret" not in json.dumps(message.content)
            assert message.content["join"]["rank"] == 1
            liar.send(failed="go away", proof="forged")
            liar.close()
            server.close()
            with pytest.raises(RankLost, match="rank 0 did not answer"):
                joining.result(20)


def test_containers_of_one_machine_are_one_by_the_counter_of_its_kernel(
    side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = iter(["a", "b"])
    marks = {"hardware": "h", "booted_s": 1000}
    for module in (coordinator.machine, worker):
        monkeypatch.setattr(module, "machine_marks", lambda: marks | {"boot": next(boots)})

    def follow(rendezvous: Worker) -> dict:
        rendezvous.wait_for_all("ready", nothing)
        return rendezvous.facts()

    other = meet(side, tmp_path, 1, 2, follow)
    counter = itertools.count(1000)
    monkeypatch.setattr(coordinator.machine, "kernel_counter", lambda: next(counter))
    monkeypatch.setattr(worker, "kernel_counter", lambda: next(counter))
    with Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous:
        assert rendezvous.nodes == 1
        rendezvous.wait_for_all("ready", nothing)
    facts = other.result(10)
    assert (facts["node"], facts["machine_shown_by"]) == ("node-0", "a counter of the kernel")


def test_this_machine_seen_from_two_containers_is_one(
    side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not worker.kernel_counter():
        pytest.skip("this kernel states no counter in /proc/stat")
    marks = worker.machine_marks()
    boots = iter(["a", "b"])
    for module in (coordinator.machine, worker):
        monkeypatch.setattr(module, "machine_marks", lambda: marks | {"boot": next(boots)})
    other = meet(side, tmp_path, 1, 2, lambda rendezvous: rendezvous.facts()["node"])
    with Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous:
        assert rendezvous.nodes == 1
    assert other.result(10) == "node-0"  # although rank 0 left as soon as it had placed it


def test_the_reason_of_one_rank_reaches_all(side: ThreadPoolExecutor, tmp_path: Path) -> None:
    def fail(rendezvous: Worker) -> None:
        rendezvous.wait_for_all("ready", nothing)
        raise ValueError("the meter burst")

    def stay(rendezvous: Worker) -> None:
        rendezvous.wait_for_all("ready", nothing)
        rendezvous.wait_for_all("ended", nothing)

    others = [meet(side, tmp_path, number, 3, then) for number, then in ((1, fail), (2, stay))]
    with Coordinator(ProcessRank(0, 3), tmp_path, "") as rendezvous:
        rendezvous.wait_for_all("ready", nothing)
        with pytest.raises(RankLost, match="rank 1: the meter burst") as caught:
            rendezvous.wait_for_all("ended", nothing)
        rendezvous.__exit__(RankLost, caught.value)
    assert "rank 0: rank 1: the meter burst" in str(others[1].exception(10))


def test_a_sampler_that_dies_while_others_are_waited_for_ends_the_wait(
    side: ThreadPoolExecutor, tmp_path: Path
) -> None:
    other = meet(side, tmp_path, 1, 2, lambda rendezvous: rendezvous.wait_for_all("never", nothing))

    def dead() -> None:
        raise OSError("no space left")

    with (
        pytest.raises(OSError, match="no space left"),
        Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous,
    ):
        rendezvous.wait_for_all("ready", dead)
    assert "rank 0: no space left" in str(other.exception(10))


def test_alone_there_is_nobody_to_wait_for() -> None:
    SINGLE_PROCESS.check()
    SINGLE_PROCESS.wait_for_all("ready", nothing)
    assert SINGLE_PROCESS.compare_clocks("met", nothing) is None
    assert SINGLE_PROCESS.reads(MeterSpec("rapl", {}))
    assert (SINGLE_PROCESS.environment, SINGLE_PROCESS.facts()) == ({}, {})


def test_a_place_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UsageError, match=r"cannot wait there.*Choose another --meet"):
            Coordinator(ProcessRank(0, 2), tmp_path, taken).__enter__()


def test_messages_may_come_in_pieces() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        link = Connection(server.accept()[0])
        sender.sendall(b'{"a": 1}\n{"b"')
        assert [message.content for message in link.receive(1.0)] == [{"a": 1}]
        assert link.receive(0.0) == []
        sender.sendall(b": 2}\n")
        assert [message.content for message in link.receive(1.0)] == [{"b": 2}]
        sender.close()
        with pytest.raises(PeerLost, match="closed"):
            link.receive(1.0)
        link.close()


def test_a_last_message_outlives_what_the_peer_still_sends(side: ThreadPoolExecutor) -> None:
    """Whoever closes at once resets the connection with the peer's next sign of life."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = Connection(socket.create_connection(server.getsockname()))
        other = Connection(server.accept()[0])
    one.send(go="end")
    one.end_sending()
    closing = side.submit(one.await_close, time.monotonic() + 20)
    closing.add_done_callback(lambda _: one.close())
    for _ in range(3):
        other.send(alive=1)
        time.sleep(0.02)
    assert [message.content for message in other.receive(5)] == [{"go": "end"}]
    with pytest.raises(PeerLost, match="the connection was closed"):
        other.receive(5)
    other.close()
    assert closing.result(5) is None


def test_a_peer_that_never_closes_is_waited_for_until_the_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = Connection(socket.create_connection(server.getsockname()))
        other = Connection(server.accept()[0])
    end_s = time.monotonic() + 0.1
    one.end_sending()
    one.await_close(end_s)
    assert time.monotonic() >= end_s
    one.close()
    other.close()
