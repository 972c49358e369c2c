"""How the command line speaks to a person: help, suggestions, formats, and one style of error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.cli.base import FORMAT_BY_SUFFIX, main, table_format
from harness.core.errors import JoulemarkError, UsageError

REPOSITORY = Path(__file__).resolve().parents[2]
TRAINING = REPOSITORY / "submissions" / "lab-2026" / "training"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program in this process: exit code, standard output, standard error."""

    def run_main(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(str(exit_info.value.code)), captured.out, captured.err

    return run_main


def test_help_lists_every_command_once_in_one_line() -> None:
    lines = CliRunner().invoke(cli, ["--help"], terminal_width=80).output.splitlines()
    for name, command in cli.commands.items():
        summary = command.get_short_help_str(1000)
        listed = [line for line in lines if line.startswith(f"  {name} ")]
        assert len(listed) == 1, name
        assert listed[0].endswith(summary), f"the summary of {name} is too long for its line"


def test_summaries_are_sentences_and_are_not_cut() -> None:
    output = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    assert "..." not in output.split("Start here:")[1]
    for name, command in cli.commands.items():
        assert command.get_short_help_str(1000).endswith("."), name


@pytest.mark.parametrize("name", ["run", "score", "audit", "leaderboard", "import", "pack"])
def test_frequent_options_have_a_short_form(name: str) -> None:
    short_forms = {"out": "-o", "jobs": "-j", "meters": "-m", "repeat": "-n", "verbose": "-v"}
    options = {item.name: item.opts for item in cli.commands[name].params}
    for option, short_form in short_forms.items():
        if option in options:
            assert short_form in options[option]
    assert any("-q" in item.opts for item in cli.commands[name].params)


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [
        (["scor"], "score"),
        (["score", "--lvel", "0.9", "x"], "--level"),
        (["run", "digits-trainig", "--out", "x"], "digits-training"),
        (["run", "image-classification", "--scenario", "offlin", "--out", "x"], "Offline"),
        (["run", "digits-training", "--meter", "rapi", "--out", "x"], "rapl"),
        (["rules", "largest-gaps"], "largest-gap"),
        (["audit", TRAINING, "--select", "largest-gaps"], "largest-gap"),
        (["audit", TRAINING, "--round", "mlperf-inference-v5.2"], "mlperf-inference-v5.1"),
        (["import", TRAINING, "--format", "cvs", "--out", "x"], "csv"),
        (["score", TRAINING, "--zone", "Germny"], "Germany"),
        (["footprint", "published", "gpt3"], "gpt-3"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else None,
)
def test_a_wrong_name_is_answered_with_the_right_one(
    run: Run, arguments: list[object], suggested: str
) -> None:
    code, _, stderr = run(*arguments)
    assert code == 2
    assert suggested in stderr
    assert stderr.count("joulemark:") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["score"], "joulemark: PATHS: is missing. Try `joulemark score --help`."),
        (["score", "x", "--lvel"], "joulemark: --lvel: no such option."),
        (["score", "x", "--level", "2"], "joulemark: --level: 2"),
        (["score", "x", "--level", "nan"], "joulemark: --level: nan is not a finite number."),
        (["leaderboard", "x", "--rank-by", "speed"], "joulemark: --rank-by: 'speed' is not one of"),
        (["run", "a", "b", "--out", "x"], "joulemark: name one workload or one program; got a b"),
        (["run", "a", "--set", "b", "--out", "x"], "joulemark: --set: is no setting; got b"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_all_errors_have_one_style(run: Run, arguments: list[str], text: str) -> None:
    code, stdout, stderr = run(*arguments)
    assert code == 2
    assert stdout == ""
    assert stderr.startswith(text)
    assert len(stderr.splitlines()) == 1


def test_options_of_a_program_are_answered_with_the_missing_dashes(run: Run) -> None:
    code, _, stderr = run("run", "--command", "--out", "x", "python", "train.py", "--epochs", "3")
    assert code == 2
    assert "--epochs: put -- before the command" in stderr


@pytest.mark.parametrize(("suffix", "form"), FORMAT_BY_SUFFIX.items())
def test_the_suffix_of_the_file_chooses_the_format(suffix: str, form: str) -> None:
    assert table_format(None, False, Path(f"board{suffix.upper()}")) == form


@pytest.mark.parametrize(
    ("form", "as_json", "out", "expected"),
    [
        (None, False, None, "terminal"),
        (None, True, None, "json"),
        ("csv", False, "board.txt", "csv"),
        ("json", True, "board.json", "json"),
    ],
)
def test_format_of_a_table(form: str | None, as_json: bool, out: str | None, expected: str) -> None:
    assert table_format(form, as_json, None if out is None else Path(out)) == expected


@pytest.mark.parametrize(
    ("form", "as_json", "out"),
    [("csv", True, None), (None, True, "board.html"), ("md", False, "board.html")],
)
def test_contradictory_formats_are_refused(form: str | None, as_json: bool, out: str) -> None:
    with pytest.raises(UsageError, match="contradict"):
        table_format(form, as_json, None if out is None else Path(out))


def test_a_suffix_of_no_format_is_refused() -> None:
    with pytest.raises(UsageError, match=r"board\.xyz.*got \.xyz.*\.csv"):
        table_format(None, False, Path("board.xyz"))


def test_contradiction_is_refused_before_anything_is_read(run: Run) -> None:
    code, _, stderr = run("leaderboard", "no-such-folder", "--json", "--format", "csv")
    assert code == 2
    assert "contradict" in stderr


def test_quiet_leaves_out_notes_and_keeps_errors(run: Run, tmp_path: Path) -> None:
    board = tmp_path / "board.html"
    assert run("leaderboard", TRAINING, "-o", board)[2].startswith("joulemark: wrote")
    assert run("leaderboard", TRAINING, "-o", board, "-q") == (0, "", "")
    assert run("score", tmp_path / "none", "-q")[2] != ""


def test_rules_are_listed_without_numerical_libraries_of_other_commands() -> None:
    code = (
        "import sys, harness.cli as c\n"
        "try: c.main(['rules', '-q'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('scipy', 'jsonschema', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_error_of_a_command_is_an_error_for_people() -> None:
    """Nothing raises a bare ClickException subclass that the entry point would not word."""
    assert issubclass(UsageError, JoulemarkError)
    assert not issubclass(UsageError, click.ClickException)


@pytest.mark.parametrize("command", ["score", "audit"])
def test_a_table_with_a_bare_carriage_return_is_no_log(
    command: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\rc,d\n1,2\n")
    code, out, err = run(command, tmp_path)
    assert code != 0
    assert "holds no result that can be read" in out + err
    assert "Please report" not in err


def test_score_is_short_and_the_budget_comes_when_asked_for(run: Run) -> None:
    code, short, _ = run("score", TRAINING)
    assert code == 0
    assert max(map(len, short.splitlines())) <= 80
    assert "Share" not in short
    _, explained, _ = run("score", TRAINING, "--explain")
    assert "Share" in explained
    assert "meter gain" in explained


def test_a_level_in_percent_is_understood(run: Run) -> None:
    assert run("score", TRAINING, "--level", "95")[1] == run("score", TRAINING)[1]


def test_a_level_that_is_none_gets_the_right_hint(run: Run) -> None:
    code, _, error = run("score", TRAINING, "--level", "950")
    assert code == 2
    assert "write 0.95 or 95" in error
