"""Every wait of a rendezvous has a bound, and so has what rank 0 holds open."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.distributed import connection, coordinator, descriptors, worker
from harness.live.distributed.connection import Connection, PeerLost, is_proof, proof
from harness.live.distributed.coordinator import Coordinator
from harness.live.distributed.descriptors import MAX_STRANGERS, require_descriptors
from harness.live.distributed.job import ANY_JOB
from harness.live.distributed.launcher import ProcessRank
from harness.live.distributed.rendezvous import INVITATION, RankLost
from harness.live.distributed.worker import Worker
from tests.live.distributed.machines import HERE, REPOSITORY, free_port

RANKS = 2000


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    for module in (coordinator, worker):
        monkeypatch.setattr(module, "JOIN_TIMEOUT_S", 20.0)
    monkeypatch.setattr(connection, "HEARTBEAT_S", 0.1)


@pytest.fixture
def side() -> Iterator[ThreadPoolExecutor]:
    """Where the other ranks run."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def nothing() -> None:
    pass


def invitation(folder: Path) -> dict:
    while not (folder / INVITATION).exists():
        time.sleep(0.01)
    document: dict = json.loads((folder / INVITATION).read_text())
    return document


def joined(folder: Path, rank: int) -> Connection:
    """A rank that joins and then does nothing: it is stopped."""
    place = invitation(folder)
    link = Connection(socket.create_connection(("127.0.0.1", place["port"])))
    (hello,) = link.receive(5.0)
    statement = {"rank": rank, "job": ANY_JOB.document(), "machine": {"boot": "x"}, "sight": {}}
    evidence = proof(place["token"], "rank", hello.content["challenge"], statement)
    link.send(join=statement, challenge="c", proof=evidence)
    return link


def test_a_rank_that_falls_silent_is_given_up_and_the_others_learn_why(
    side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENCE_LIMIT_S", 1.0)
    monkeypatch.setattr(coordinator, "SILENCE_CHECK_S", 0.1)
    stopped = side.submit(joined, tmp_path, 1)

    def follow() -> None:
        with Worker(ProcessRank(2, 3), tmp_path, "") as rendezvous:
            rendezvous.wait_for_all("ready", nothing)

    other = side.submit(follow)
    begin = time.monotonic()
    with (
        pytest.raises(RankLost, match=r"rank 1 is gone; got it has been silent for 1 s: it is"),
        Coordinator(ProcessRank(0, 3), tmp_path, "") as rendezvous,
    ):
        rendezvous.wait_for_all("ready", nothing)
    assert time.monotonic() - begin < 10
    assert "rank 0: rank 1 is gone" in str(other.exception(10))
    stopped.result(10).close()


def test_a_silent_rank_0_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENCE_LIMIT_S", 0.5)
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    monkeypatch.setattr(connection, "_kernel_limits", list)
    monkeypatch.setattr(socket, "IPPROTO_TCP", socket.SOL_SOCKET)
    monkeypatch.setattr(socket, "TCP_NODELAY", socket.SO_KEEPALIVE)
    rank = Worker(ProcessRank(1, 2), tmp_path, "")
    rank.messages, rank.connection = [], Connection(ours)
    with pytest.raises(RankLost, match=r"rank 0 is gone; got it has been silent"):
        rank.wait_for_all("ready", nothing)
    rank.connection.close()
    theirs.close()


def test_a_rank_that_does_not_come_to_a_point_is_named_although_it_lives(
    side: ThreadPoolExecutor, tmp_path: Path
) -> None:
    def dawdle() -> None:
        with Worker(ProcessRank(1, 2), tmp_path, "") as rendezvous:
            while True:
                rendezvous.check()
                time.sleep(0.05)

    late = side.submit(dawdle)
    with (
        pytest.raises(RankLost, match=r"rank 1 did not come to the point 'ended' within 0.5 s"),
        Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous,
    ):
        rendezvous.wait_for_all("ended", nothing, 0.5)
    assert "did not come to the point" in str(late.exception(10))


def test_the_kernel_gives_up_what_nobody_acknowledges() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = Connection(socket.create_connection(server.getsockname()))
        option = link.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert option == 1000 * connection.SILENCE_LIMIT_S
        assert link.socket.gettimeout() == connection.SILENCE_LIMIT_S
        link.close()


def test_a_message_to_a_peer_that_reads_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "SILENCE_LIMIT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = Connection(socket.create_connection(server.getsockname()))
        with pytest.raises(PeerLost):
            link.send(much="x" * 50_000_000)
        link.close()


@pytest.mark.parametrize("claimed", ["\ud800", "", "x", None, 3, [], "0" * 64], ids=repr)
def test_no_bytes_of_a_stranger_pass_for_a_proof(claimed: object) -> None:
    assert not is_proof(claimed, proof("token", "rank", "c", {}))
    assert is_proof(proof("token", "rank", "c", {}), proof("token", "rank", "c", {}))


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_on_open_files_is_raised_as_far_as_needed(limits: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limits[1]))
    require_descriptors(600)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600 + MAX_STRANGERS + 64
    require_descriptors(2)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600 + MAX_STRANGERS + 64


def test_fail_more_ranks_than_the_hard_limit_allows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(descriptors.resource, "getrlimit", lambda _: (1024, 1024))
    with pytest.raises(UsageError, match=r"2000 ranks; got 1024, expected at least 2128") as caught:
        Coordinator(ProcessRank(0, RANKS), tmp_path, "").__enter__()
    assert "ulimit -Hn 2128" in caught.value.fix
    assert not (tmp_path / INVITATION).exists()


def test_two_thousand_ranks_meet_from_the_default_limit(
    side: ThreadPoolExecutor, tmp_path: Path, limits: tuple[int, int]
) -> None:
    if limits[1] < RANKS + 200:
        pytest.skip(f"the hard limit on open files is {limits[1]}: ulimit -Hn {RANKS + 200}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1]))

    def simulate() -> subprocess.CompletedProcess:
        place = invitation(tmp_path)
        script = [sys.executable, str(HERE / "many_ranks.py"), str(place["port"])]
        command = [*script, place["token"], str(RANKS)]
        env = {"PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(command, env=env, timeout=60, check=False)

    simulated = side.submit(simulate)
    with Coordinator(ProcessRank(0, RANKS), tmp_path, "") as rendezvous:
        assert len(rendezvous.connections) == RANKS - 1
        rendezvous.wait_for_all("ready", nothing, 20.0)
        assert simulated.result(30).returncode == 0


def test_strangers_without_number_do_not_use_up_the_descriptors(
    side: ThreadPoolExecutor, tmp_path: Path, limits: tuple[int, int]
) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 * MAX_STRANGERS + 200, limits[1]))
    strangers: list[socket.socket] = []

    def crowd() -> None:
        place = invitation(tmp_path)
        strangers.extend(
            socket.create_connection(("127.0.0.1", place["port"])) for _ in range(2 * MAX_STRANGERS)
        )
        with Worker(ProcessRank(1, 2), tmp_path, "") as rendezvous:
            rendezvous.wait_for_all("ready", nothing)

    crowded: Future = side.submit(crowd)
    with Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous:
        assert not rendezvous.strangers
        rendezvous.wait_for_all("ready", nothing)
    crowded.result(10)
    for stranger in strangers:
        stranger.close()


def test_no_descriptor_left_is_waited_out(
    side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([OSError(24, "Too many open files")] * 2)
    accept = socket.socket.accept

    def accept_or_fail(server: socket.socket) -> object:
        fault = next(faults, None)
        if fault is not None:
            raise fault
        return accept(server)

    monkeypatch.setattr(socket.socket, "accept", accept_or_fail)

    def follow() -> None:
        with Worker(ProcessRank(1, 2), tmp_path, "") as rendezvous:
            rendezvous.wait_for_all("ready", nothing)

    other = side.submit(follow)
    with Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous:
        rendezvous.wait_for_all("ready", nothing)
    other.result(10)


@pytest.mark.parametrize("host", ["[::1]", "::1", "127.0.0.1", "localhost"])
def test_ranks_meet_by_either_protocol(
    host: str, side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOULEMARK_JOB_TOKEN", "secret")
    if ":" in host and not socket.has_ipv6:
        pytest.skip("this system has no IPv6")
    place = f"{host}:{free_port()}"

    def follow() -> str:
        with Worker(ProcessRank(1, 2), tmp_path, place) as rendezvous:
            rendezvous.wait_for_all("ready", nothing)
            return rendezvous.environment["MASTER_ADDR"]

    other = side.submit(follow)
    with Coordinator(ProcessRank(0, 2), tmp_path, place) as rendezvous:
        rendezvous.wait_for_all("ready", nothing)
    assert other.result(10) == host.strip("[]")


def test_a_name_that_does_not_resolve_is_replaced_by_an_address_of_an_interface(
    side: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTER_ADDR", "")
    monkeypatch.setattr(socket, "gethostname", lambda: "no-such-host.invalid")

    def follow() -> str:
        with Worker(ProcessRank(1, 2), tmp_path, "") as rendezvous:
            rendezvous.wait_for_all("ready", nothing)
            return rendezvous.environment["MASTER_ADDR"]

    monkeypatch.setattr(coordinator, "own_addresses", lambda: ["no-such-host.invalid", "127.0.0.1"])
    other = side.submit(follow)
    with Coordinator(ProcessRank(0, 2), tmp_path, "") as rendezvous:
        rendezvous.wait_for_all("ready", nothing)
    assert other.result(10) == "127.0.0.1"
