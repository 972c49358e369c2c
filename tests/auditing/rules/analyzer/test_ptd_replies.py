"""ptd-replies: the PTDaemon's own figures are those of the trace."""

import json
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-replies"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_warn_log_that_ends_before_the_last_replies(tmp_path: Path) -> None:
    for lacks in (0, 40):
        found = t.judged(tmp_path / str(lacks), lambda folder, n=lacks: t.cut_log(folder, n))
        (hit,) = b.of(found, RULE)
        assert (hit.status, hit.got) == (
            "warn",
            "ends before the reply to Watts and Uncertainty after testing",
        )


def test_warn_log_that_ends_in_a_reply(tmp_path: Path) -> None:
    def cut(folder: Path) -> None:
        path = t.power(folder, "ptd_logs.txt")
        content = path.read_bytes()
        path.write_bytes(content[: content.rindex(b"Watts,") + 9])

    (hit,) = b.of(t.judged(tmp_path, cut), RULE)
    assert (hit.status, hit.got) == ("warn", "ends before the reply to Watts after testing")


def test_fail_log_that_ends_with_another_reply(tmp_path: Path) -> None:
    def cut(folder: Path) -> None:
        path = t.power(folder, "ptd_logs.txt")
        content = path.read_bytes()
        path.write_bytes(content[: content.rindex(b"Watts,")] + b"Watts,9")

    found = t.judged(tmp_path, cut)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="Watts after testing",
        expected="ptd_logs.txt has too",
    )


OLD = {"1.1": "1.9.2", "2.0": "1.9.2", "3.0": "1.10.0"}


@pytest.mark.parametrize("number", OLD)
@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_figures_that_were_not_asked_for_are_noted_in_the_log(
    number: str, analyzers: str, tmp_path: Path
) -> None:
    """`Avg watts 23.381543, min watts 8.270000, max watts 24.910000, samples 661, errors 0,
    valid 661`"""
    found = t.judged(tmp_path, lambda f: t.of_round(f, number, OLD[number]), analyzers=analyzers)
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


@pytest.mark.parametrize("last", [413.0, 8.27, 2490.0])
def test_pass_last_reading_came_after_spl_was_copied(last: float, tmp_path: Path) -> None:
    """660 lines of 661 samples: the one that lacks may be the least or the largest."""

    def change(folder: Path) -> None:
        t.of_round(folder, "2.1", "1.9.2")
        lines = [line for line in t.spl(folder).read_text("utf-8").splitlines() if "Time," in line]
        values = [b.watts(line) for line in lines[:-1]] + [last]
        note(folder, values)
        t.without_last(folder)

    b.assert_pass(t.judged(tmp_path, change), RULE)


def note(folder: Path, values: list[float]) -> None:
    """The figures of these readings, as the PTDaemon notes them after the testing run."""
    path = t.power(folder, "ptd_logs.txt")
    head, _, tail = path.read_bytes().decode().rpartition("Avg watts ")
    said = (
        f"{sum(values) / len(values):.6f}, min watts {min(values):.6f}, max watts {max(values):.6f}"
    )
    count = len(values)
    rest = tail[tail.index("\n") :]
    path.write_bytes(
        f"{head}Avg watts {said}, samples {count}, errors 0, valid {count}{rest}".encode()
    )


def figures_left_out(folder: Path) -> None:
    b.edit_lines(t.power(folder, "ptd_logs.txt"), lambda _, __: None, "Avg watts ")


def readings_removed(folder: Path, which: slice) -> None:
    lines = t.spl(folder).read_text("utf-8").splitlines(keepends=True)
    del lines[which]
    t.spl(folder).write_text("".join(lines), "utf-8")


@pytest.mark.parametrize("which", [slice(0, 3), slice(-2, None)], ids=["first", "last"])
def test_warn_readings_that_lack_outside_the_window(which: slice, tmp_path: Path) -> None:
    """Seven were lost in front of the window of a result of v2.1, which was right to be
    accepted."""

    def change(folder: Path) -> None:
        t.of_round(folder, "2.1", "1.9.2")
        readings_removed(folder, which)

    found = t.judged(tmp_path, change)
    assert found.verdict == "valid"
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/spl.txt",
        got="readings that the PTDaemon counted, none of them in the window",
        expected="all readings",
    )


def test_question_log_that_ends_before_the_figures(tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        t.of_round(folder, "2.1", "1.9.2")
        path = t.power(folder, "ptd_logs.txt")
        content = path.read_bytes()
        path.write_bytes(content[: content.rindex(b"Avg watts ")])

    found = t.judged(tmp_path, change)
    b.assert_found(
        found,
        RULE,
        "question",
        where="ptd_logs.txt",
        got="no figures of the testing",
        expected="Avg",
    )


def test_fail_figures_left_out_of_the_ranging_run(tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        t.of_round(folder, "2.1", "1.9.2")
        figures_left_out(folder)

    found = t.judged(tmp_path, change)
    b.assert_found(
        found, RULE, "fail", where="ptd_logs.txt", got="no figures of the ranging", expected="Avg"
    )


def extremes_moved_apart(folder: Path) -> None:
    """Lose two readings before the window; make the largest larger and another less by as much."""
    readings_removed(folder, slice(0, 2))
    values = [b.watts(line) for line in t.spl(folder).read_text("utf-8").splitlines()]
    top = values.index(max(values))
    other = values.index(sorted(values)[len(values) // 2])
    moved = {top: values[top] + 2.0, other: values[other] - 2.0}
    t.rows(folder, lambda n, line: b.set_watts(line, f"{moved[n]:.6f}") if n in moved else line)


@pytest.mark.parametrize(
    ("edit", "got"),
    [
        (extremes_moved_apart, "testing run: "),
        (lambda f: readings_removed(f, slice(100, 107)), "testing run: mean"),
        (lambda f: t.rows(f, t.coherent(0.99)), "testing run: mean"),
        (
            lambda f: t.rows(f, lambda n, line: b.set_watts(line, "1.000000") if n == 9 else line),
            "testing run: lowest",
        ),
    ],
    ids=["extremes moved apart", "some of the window lack", "scaled", "one made less"],
)
def test_fail_readings_that_are_not_those_of_the_noted_figures(
    edit: t.Edit, got: str, tmp_path: Path
) -> None:
    def change(folder: Path) -> None:
        t.of_round(folder, "2.1", "1.9.2")
        edit(folder)

    found = t.judged(tmp_path, change)
    b.assert_found(found, RULE, "fail", where="ptd_logs.txt", got=got, expected="")


def test_fail_halve_all_the_readings_there_are(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.halve_all_the_readings_there_are)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="Watts after testing: mean",
        expected="by spl.txt",
    )


def test_fail_watts_reply_of_another_run(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.watts_reply_of_another_run)
    b.assert_found(found, RULE, "fail", where="server.json", got="mean 9999", expected="by spl.txt")


def test_fail_uncertainty_reply_of_a_quarter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uncertainty_reply_of_a_quarter)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="Uncertainty after testing: Uncertainty,0.25",
        expected="ptd_logs.txt has too",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


@pytest.mark.parametrize("analyzer", [0, 1])
def test_fail_figures_of_either_of_two_analyzers(analyzer: int, tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        server = json.loads(t.power(folder, "server.json").read_text())
        messages = server["ptd_messages"]
        of_one = messages[analyzer] if isinstance(messages[0], list) else messages
        reply = [message["reply"] for message in of_one if message["cmd"] == "Watts"][-1]
        t.everywhere(folder, reply, reply.replace("Watts,", "Watts,9", 1))

    found = t.judged(tmp_path, change, analyzers="two_analyzers")
    b.assert_found(
        found, RULE, "fail", where="server.json", got="Watts after testing: mean", expected="by"
    )
