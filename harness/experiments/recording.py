"""Make the runs of an experiment, its sides in alternation.

A machine that warms up, or that somebody else begins to use, then changes all sides alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.experiments.design import Design, Side
from harness.live.measure import Notify, Plan, RecordedRun, measure, silent
from harness.live.plan import Settings, describe_system, plan_workload

MAIN, CONTROL, FRONTIER = "main", "control", "frontier"
"""Folders of the runs below that of the experiment."""


@dataclass(frozen=True, slots=True)
class Part:
    """Runs of one side.

    Attributes:
        role: main, control or frontier.
        side: The side.
        seeds: Seeds of its runs.
        folder: Folder below which its entry lies.
    """

    role: str
    side: Side
    seeds: Sequence[int]
    folder: Path

    @property
    def entry_folder(self) -> Path:
        """Folder of its run directories."""
        scenario = self.side.workload.scenario(None)["name"]
        return self.folder / self.side.workload.name / str(scenario)


def parts(design: Design, out: Path) -> list[Part]:
    """Return all runs of an experiment: the sides, the control, the frontier.

    Args:
        design: The experiment.
        out: Folder of its runs.

    Raises:
        UsageError: The runs of two configurations would share a folder.
    """
    main = [Part(MAIN, side, design.seeds, out / MAIN) for side in design.sides]
    control = [Part(CONTROL, side, design.seeds, out / CONTROL) for side in design.control]
    frontier = []
    for side in design.frontier:
        name = f"{side.name}-{re.sub(r'[^a-z0-9]+', '-', side.label.lower()).strip('-')}"
        frontier.append(Part(FRONTIER, side, design.seeds[:1], out / FRONTIER / name))
    all_parts = main + control + frontier
    _check_folders(design, all_parts)
    return all_parts


def _check_folders(design: Design, all_parts: Sequence[Part]) -> None:
    """Refuse configurations whose runs would share a folder."""
    labels: dict[Path, list[str]] = {}
    for part in all_parts:
        labels.setdefault(part.entry_folder, []).append(part.side.label)
    for together in labels.values():
        if len(together) > 1:
            raise UsageError(
                "runs of several configurations would share a folder",
                where=str(design.path),
                got=", ".join(together),
                expected="sides with a workload each, and a frontier with a label each",
            )


def perform(
    design: Design, settings: Settings, notify: Notify = silent, watch: Notify = silent
) -> Iterator[RecordedRun]:
    """Make all runs: first the sides in alternation, then the control, then the frontier.

    All are planned before the first is made, so that a wrong setting is not found after an hour.

    Args:
        design: The experiment.
        settings: Meters, names and folder of the runs; workload settings are the design's.
        notify: Called with a line for the user when something happens.
        watch: Called once a second with the power and energy so far.

    Raises:
        JoulemarkError: A run cannot be made, or was not recorded to its end.
    """
    all_plans = [(part.role, _plan(part, settings)) for part in parts(design, settings.out)]
    for role in (MAIN, CONTROL, FRONTIER):
        plans = [plan for role_of_plan, plan in all_plans if role_of_plan == role]
        if role == FRONTIER:
            for plan in plans:
                yield from _in_alternation([plan], notify, watch)
        else:
            yield from _in_alternation(plans, notify, watch)


def _plan(part: Part, settings: Settings) -> Plan:
    settings_of_part = replace(
        settings,
        out=part.folder,
        repeat=len(part.seeds),
        options={name: str(value) for name, value in part.side.settings.items()},
    )
    plan = plan_workload(part.side.workload, settings_of_part)
    return replace(plan, seeds=list(part.seeds))


def _in_alternation(plans: Sequence[Plan], notify: Notify, watch: Notify) -> Iterator[RecordedRun]:
    """Make one run of each plan in turn; each round begins with the next plan."""
    makers = [_described(plan, notify, watch) for plan in plans]
    for number in range(max((len(plan.seeds) for plan in plans), default=0)):
        for place in range(len(plans)):
            recorded = next(makers[(place + number) % len(plans)], None)
            if recorded is not None:
                yield recorded


def _described(plan: Plan, notify: Notify, watch: Notify) -> Iterator[RecordedRun]:
    """Make the runs of one plan, with the description of the machine beside them."""
    for recorded in measure(plan, notify, watch):
        describe_system(plan, recorded.nodes)
        yield recorded
