"""session-identity: all files are of one session."""

import json
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "session-identity"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_mark_of_another_session(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.mark_of_another_session)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="readings of 2025-01-01_00-00-00_testing",
        expected="_testing",
    )


def test_fail_uuid_of_another_client(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uuid_of_another_client)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="client.json",
        got="uuid",
        expected="as performance/power/server.json states",
    )


def test_fail_message_left_out(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.message_left_out)
    b.assert_found(
        found, RULE, "fail", where="client.json", got="messages", expected="as the server counts"
    )


def test_fail_old_server(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.old_server)
    b.assert_found(
        found, RULE, "fail", where="client.json", got="server v1", expected="one protocol version"
    )


def test_pass_two_releases_of_the_workflow(tmp_path: Path) -> None:
    """Client and server may run two accepted releases; workflow-sources looks at each."""
    b.assert_pass(t.judged(tmp_path, t.changed_software), RULE)


def test_fail_debug_mode(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.debug_mode)
    b.assert_found(found, RULE, "fail", where="server.json", got="debug", expected="no debug")


def test_fail_document_without_phases(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.document_without_phases)
    b.assert_found(
        found, RULE, "fail", where="client.json", got="without phases", expected="all that"
    )


def test_warn_session_of_another_day(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.session_of_another_day)
    b.assert_found(
        found, RULE, "warn", where="server.json", got="begun", expected="a name of its begin"
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def last_message(cmd: str) -> t.Edit:
    """The server of v1.0 wrote one message more than the client: that which brought it the
    client's document."""

    def edit(folder: Path) -> None:
        name = json.loads(t.power(folder, "server.json").read_text("utf-8"))["session_name"]
        said = {"cmd": cmd.format(name), "cmd_time": 0, "reply": "OK", "reply_time": 0}
        t.document(folder, "server", lambda content: content["messages"].append(said))

    return edit


def test_pass_document_that_does_not_hold_its_own_sending(tmp_path: Path) -> None:
    b.assert_pass(t.judged(tmp_path, last_message("session,{},upload,client.json")), RULE)


@pytest.mark.parametrize(
    "cmd", ["session,{},stop,testing", "session,2020-01-01_00-00-00,upload,client.json"]
)
def test_fail_another_message_that_the_client_does_not_know(tmp_path: Path, cmd: str) -> None:
    found = t.judged(tmp_path, last_message(cmd))
    b.assert_found(
        found, RULE, "fail", where="client.json", got="messages", expected="as the server counts"
    )


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("mlcommons/power client v3", "mlcommons/power client v3"),
        ("mlcommons/power client v3", "mlcommons/power server v2"),
        ("another client v3", "another server v3"),
        ("", ""),
    ],
)
def test_fail_greeting_of_another_protocol(request_: str, reply: str, tmp_path: Path) -> None:
    found = t.judged(
        tmp_path,
        lambda folder: t.both(
            folder, lambda content: content["messages"][0].update(cmd=request_, reply=reply)
        ),
    )
    (finding,) = [item for item in b.of(found, RULE) if "protocol" in item.expected]
    assert finding.status == "fail"
    assert finding.got == f"{request_}, {reply}"


def test_pass_a_later_version_on_both_sides(tmp_path: Path) -> None:
    greeting = {"cmd": "mlcommons/power client v9", "reply": "mlcommons/power server v9"}
    found = t.judged(
        tmp_path,
        lambda folder: t.both(folder, lambda content: content["messages"][0].update(greeting)),
    )
    b.assert_pass(found, RULE)
