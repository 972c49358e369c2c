"""run-seeds: each run has a seed of its own."""

from pathlib import Path

from harness.formats.evidence_facts import evidence_from_facts
from tests.auditing.rules import builders as b

RULE = "run-seeds"


def log(folder: Path, run: int) -> Path:
    return folder / f"result_{run}.txt"


def test_pass_seeds_of_their_own(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_pass_one_seed_of_several_is_shared(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    for run in range(3):
        b.edit(
            log(folder, run),
            lambda text: text + b.set_mllog('0: :::MLLOG {"time_ms": 1}', key="seed", value=7),
        )
    b.assert_pass(b.report(folder), RULE)


def test_warn_one_run_entered_twice(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    for run in (0, 2):
        b.edit_lines(log(folder, run), lambda _, line: b.set_mllog(line, value=1234), '"seed"')
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="result_0.txt",
        got="in 2 runs: result_0, result_2",
        expected="of its own",
    )
    assert found.verdict == "valid"


def test_warn_no_seed(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(log(folder, 1), lambda *_: None, '"seed"')
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="result_1.txt",
        got="no seed, in 1 of 3",
        expected="one in each",
    )


def test_warn_live_runs_with_one_seed() -> None:
    runs = [
        b.run(
            b.trace(range(-5, 606), 400.0 + k),
            id=f"run-{k}",
            evidence=evidence_from_facts({"seed": 7.0})[0],
        )
        for k in range(2)
    ]
    found = b.judge(b.entry(*runs, task="training"))
    b.assert_found(
        found, RULE, "warn", where="run.json", got="the same seeds in 2 runs", expected="each run"
    )


def test_pass_live_runs_each_with_a_seed() -> None:
    runs = [
        b.run(
            b.trace(range(-5, 606), 400.0 + k),
            id=f"run-{k}",
            evidence=evidence_from_facts({"seed": float(k)})[0],
        )
        for k in range(2)
    ]
    b.assert_pass(b.judge(b.entry(*runs, task="training")), RULE)
