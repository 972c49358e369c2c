"""The recipes of docs/how-to/several-machines.md, followed from an empty folder.

Two machines are two network namespaces, each with a boot id of its own and the names that the
recipe uses. The commands are those of the page: only the names of folders that a test may not
write to are replaced, and the work is shorter.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness import api
from tests.live.distributed.links import ADDRESSES, Link, require_namespaces
from tests.live.distributed.machines import HERE, REPOSITORY, ended, environment

PAGE = (REPOSITORY / "docs" / "how-to" / "several-machines.md").read_text()


def section(title: str) -> str:
    """The text of a section of the page."""
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def blocks(text: str, language: str) -> list[str]:
    """Its blocks of code."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def prepare(folder: Path) -> Path:
    """An empty folder with the page's program, and `joulemark` on the path."""
    folder.mkdir()
    (make_work,) = [block for block in blocks(PAGE, "bash") if block.startswith("cat > work.sh")]
    subprocess.run(["bash", "-c", make_work.replace("timeout 20", "timeout 1")], cwd=folder)
    command = folder / "bin" / "joulemark"
    command.parent.mkdir()
    command.write_text(
        '#!/bin/sh\nif [ "$1" = run ]; then shift; set -- run --idle 0.3 "$@"; fi\n'
        f'exec {sys.executable} {HERE / "as_machine.py"} "$@"\n'
    )
    command.chmod(0o755)
    return folder


def on_machine(
    link: Link, number: int, script: str, folder: Path, names: list[str], **env: str
) -> subprocess.Popen[str]:
    """A shell on one of two machines, which know each other by these names."""
    hosts = folder / "hosts"
    lines = [f"{address} {name}\n" for address, name in zip(ADDRESSES, names, strict=True)]
    hosts.write_text("127.0.0.1 localhost\n" + "".join(lines))
    given = environment(folder.parent, number, JOIN_S="90", READY_S="90", **env)
    given["PATH"] = f"{folder / 'bin'}{os.pathsep}{given['PATH']}"
    del given["MASTER_ADDR"]
    inside = 'mount --bind "$0" /etc/hosts && exec bash -c "$1"'
    return subprocess.Popen(
        link.command(number, ["unshare", "-m", "bash", "-c", inside, str(hosts), script]),
        env=given,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def merge(first: Path, second: Path, folder: Path) -> None:
    """Copy the part of the second machine to the first; then merge and score as the page says."""
    script = re.search(r"^joulemark merge .*\njoulemark score .*$", PAGE, re.MULTILINE)
    assert script is not None
    run = first / "work" / "run-1"
    shutil.copytree(second / "work" / "run-1" / "ranks" / "1", run / "ranks" / "1")
    given = environment(folder.parent, 0)
    given["PATH"] = f"{folder / 'bin'}{os.pathsep}{given['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", script[0].replace(" runs", f" {first}")],
        env=given,
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def assert_two_machines(runs: Path) -> None:
    """One run with the energy of both."""
    (entry,) = api.read(runs).entries
    assert not entry.defects
    assert entry.system_description["number_of_nodes"] == 2
    (run,) = entry.runs
    assert {trace.channel.node for trace in run.traces} == {"node-0", "node-1"}
    (result,) = api.score(api.read(runs))
    assert result.runs[0].coverage == 1.0


def test_a_job_of_kubernetes(tmp_path: Path) -> None:
    require_namespaces()
    (text,) = blocks(section("A Kubernetes job"), "yaml")
    service, job = yaml.safe_load_all(text)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    command = [*container["command"], *container["args"]]
    assert command[:2] == ["sh", "-c"]
    (mount,) = container["volumeMounts"]
    # an indexed job names its pods after itself and their numbers, in the domain of the service
    names = [f"{job['metadata']['name']}-{n}.{service['metadata']['name']}" for n in (0, 1)]
    assert pod["subdomain"] == service["metadata"]["name"]
    folder = prepare(tmp_path / "empty")
    results = [tmp_path / f"node-{number}" for number in (0, 1)]
    with Link() as link:
        pods = [
            on_machine(
                link,
                number,
                command[2].replace(mount["mountPath"], str(results[number])),
                folder,
                names,
                JOB_COMPLETION_INDEX=str(number),
            )
            for number in range(job["spec"]["completions"])
        ]
        (a, said), (b, other) = ended(*pods, seconds=150)
    assert (a, b) == (0, 0), said + other
    merge(*results, folder)
    assert_two_machines(results[0])


def test_two_machines_by_hand(tmp_path: Path) -> None:
    require_namespaces()
    text = section("Two machines by hand")
    commands = re.findall(r"^RANK=. .*$", text, re.MULTILINE)
    assert len(commands) == 2
    folder = prepare(tmp_path / "empty")
    with Link() as link:
        ranks = [
            on_machine(
                link,
                number,
                command.replace("--out runs", f"--out runs-{number}"),
                folder,
                ["node0", "node1"],
            )
            for number, command in enumerate(commands)
        ]
        (a, said), (b, other) = ended(*ranks, seconds=150)
    assert (a, b) == (0, 0), said + other
    merge(folder / "runs-0", folder / "runs-1", folder)
    assert_two_machines(folder / "runs-0")


@pytest.mark.long
@pytest.mark.skipif(
    importlib.util.find_spec("kubernetes_validate") is None,
    reason="the schemas of Kubernetes are absent: pip install kubernetes-validate",
)
def test_the_manifest_is_what_kubernetes_accepts() -> None:
    import kubernetes_validate

    (text,) = blocks(section("A Kubernetes job"), "yaml")
    for document in yaml.safe_load_all(text):
        kubernetes_validate.validate(document, "1.29", strict=True)
