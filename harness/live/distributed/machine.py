"""Which ranks share a machine, by several independent marks.

A boot id alone does not tell: two containers of one machine may each have their own, and clones of
a virtual machine share one. In this order:

1. Equal boot ids are one machine, unless both sides can read the id of the hardware (DMI) and
   these differ.
2. Equal ids of the hardware are one machine.
3. Ranks whose kernels booted at the same second on equal hardware are asked in turn for a counter
   of the kernel. Only one counter can be read again and again by several ranks and always rise.

Marks are compared as hashes, and not recorded. What settled it is recorded.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import platform
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/")
"""Below it lie `proc` and `sys`."""
BOOT_ID = "proc/sys/kernel/random/boot_id"
DMI_ID = "sys/class/dmi/id/product_uuid"
STAT = "proc/stat"
CPU_INFO = "proc/cpuinfo"
NODES = "sys/devices/system/node/possible"
CGROUP = "proc/self/ns/cgroup"
CPU_FIELDS = ("model name", "microcode", "physical id", "CPU part")
MAX_BOOT_DIFFERENCE_S = 2
"""One kernel states its boot time with such differences, when its clock is adjusted [s]."""
COUNTER_ROUNDS = 3
"""How often each of several ranks is asked for its kernel's counter."""
UNSET_DMI = frozenset("0f-")
"""Characters of an id that the maker did not set."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of one rank.

    Attributes:
        number: Which machine, from 0 in the order of the ranks.
        shown_by: What shows that ranks share it or do not.
    """

    number: int
    shown_by: str


def machine_marks() -> dict[str, Any]:
    """Return the marks of this machine, as far as this process may read them."""
    marks: dict[str, Any] = {"boot": _hashed(_text(BOOT_ID) or platform.node())}
    dmi = _text(DMI_ID).lower()
    if set(dmi) - UNSET_DMI:
        marks["dmi"] = _hashed(dmi)
    marks["hardware"] = _hashed(_hardware())
    stat = _kernel_statistics()
    if "btime" in stat:
        marks["booted_s"] = stat["btime"]
    with contextlib.suppress(OSError):
        marks["cgroup"] = _hashed(os.readlink(ROOT / CGROUP))
    return marks


def kernel_counter() -> int:
    """Return the number of context switches since the kernel booted; 0 where it does not say."""
    return _kernel_statistics().get("ctxt", 0)


def tell_apart(
    marks: Sequence[Mapping[str, Any]], ask_counter: Callable[[int], int]
) -> list[Machine]:
    """Return the machine of each rank.

    Args:
        marks: Marks of each rank's machine.
        ask_counter: Returns the counter of the kernel that a rank reads; it is called only for
            ranks whose marks leave doubt.
    """
    # 1 and 2. By the ids of boot and hardware.
    machines = group_by_marks(marks)

    # 3. Ask doubtful ranks in turn for a counter of their kernel.
    pairs = []
    for group in doubtful_groups(marks, machines):
        readings: dict[int, list[int]] = {rank: [] for rank in group}
        for _ in range(COUNTER_ROUNDS):
            for rank in group:
                readings[rank].append(ask_counter(rank))
        for first, second in itertools.combinations(group, 2):
            may_be_one = not surely_differ(marks[first], marks[second])
            if may_be_one and share_a_counter(readings[first], readings[second]):
                pairs.append((first, second))
    return with_containers(joined(machines, pairs), marks)


def group_by_marks(marks: Sequence[Mapping[str, Any]]) -> list[Machine]:
    """Return the machine of each rank, as far as the marks tell (steps 1 and 2)."""
    labels: list[tuple[str, str]] = []
    dmi_of_boot: dict[str, set[str]] = defaultdict(set)
    for rank_marks in marks:
        if "dmi" in rank_marks:
            dmi_of_boot[str(rank_marks["boot"])].add(str(rank_marks["dmi"]))
    for rank_marks in marks:
        boot = str(rank_marks.get("boot"))
        ids = dmi_of_boot[boot]
        if len(ids) == 1:
            labels.append(("hardware id", next(iter(ids))))
        elif "dmi" in rank_marks:
            labels.append(("hardware id", str(rank_marks["dmi"])))
        else:
            labels.append(("boot id", boot))
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return [Machine(numbers[label], label[0]) for label in labels]


def doubtful_groups(
    marks: Sequence[Mapping[str, Any]], machines: Sequence[Machine]
) -> list[list[int]]:
    """Return groups of ranks, one of each machine, whose machines may be one (step 3)."""
    first_ranks: dict[int, int] = {}
    for rank, machine in enumerate(machines):
        first_ranks.setdefault(machine.number, rank)
    buckets: dict[str, list[int]] = defaultdict(list)
    for rank in first_ranks.values():
        if "booted_s" in marks[rank]:
            buckets[str(marks[rank].get("hardware"))].append(rank)
    groups: list[list[int]] = []
    for ranks in buckets.values():
        ranks.sort(key=lambda rank: _boot_time(marks[rank]))
        group: list[int] = []
        for rank in ranks:
            if group and _boot_time(marks[rank]) - _boot_time(marks[group[-1]]) > (
                MAX_BOOT_DIFFERENCE_S
            ):
                groups.append(group)
                group = []
            group.append(rank)
        groups.append(group)
    return [sorted(group) for group in groups if len(group) > 1]


def surely_differ(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether the marks of two ranks prove that these are on two machines."""
    return "dmi" in first and "dmi" in second and first["dmi"] != second["dmi"]


def share_a_counter(first: Sequence[int], second: Sequence[int]) -> bool:
    """Return whether two ranks, asked in turn, read one rising counter.

    Args:
        first: Readings of the rank that was asked first in each round.
        second: Readings of the other.
    """
    in_turn = [value for pair in zip(first, second, strict=True) for value in pair]
    rises = all(earlier <= later for earlier, later in itertools.pairwise(in_turn))
    return rises and 0 < in_turn[0] < in_turn[-1]


def joined(machines: Sequence[Machine], pairs: Sequence[tuple[int, int]]) -> list[Machine]:
    """Return the machines after pairs of ranks turned out to share one."""
    number_of = {machine.number: machine.number for machine in machines}
    merged = set()
    for first, second in pairs:
        low, high = sorted((number_of[machines[first].number], number_of[machines[second].number]))
        number_of = {key: low if value == high else value for key, value in number_of.items()}
        merged.add(low)
    order = dict.fromkeys(number_of[machine.number] for machine in machines)
    renumbered = {number: position for position, number in enumerate(order)}
    result = []
    for machine in machines:
        number = number_of[machine.number]
        shown_by = "a counter of the kernel" if number in merged else machine.shown_by
        result.append(Machine(renumbered[number], shown_by))
    return result


def with_containers(
    machines: Sequence[Machine], marks: Sequence[Mapping[str, Any]]
) -> list[Machine]:
    """Return the machines with a note on those whose ranks run in several containers."""
    containers: dict[int, set[str]] = defaultdict(set)
    for machine, rank_marks in zip(machines, marks, strict=True):
        if "cgroup" in rank_marks:
            containers[machine.number].add(str(rank_marks["cgroup"]))
    return [
        Machine(item.number, f"{item.shown_by}, in {len(containers[item.number])} containers")
        if len(containers[item.number]) > 1
        else item
        for item in machines
    ]


def _boot_time(marks: Mapping[str, Any]) -> int:
    booted_s = marks.get("booted_s")
    return booted_s if isinstance(booted_s, int) else 0


def _kernel_statistics() -> dict[str, int]:
    """Return boot time [s since 1970] and context switches, see proc(5)."""
    values = {}
    for line in _text(STAT).splitlines():
        name, _, value = line.partition(" ")
        if name in ("btime", "ctxt") and value.isdigit():
            values[name] = int(value)
    return values


def _hardware() -> str:
    """Return what describes processors and memory nodes; equal on machines of one model."""
    lines = _text(CPU_INFO).splitlines()
    kept = [line for line in lines if line.startswith(CPU_FIELDS)]
    return "\n".join([*kept, _text(NODES), str(len(lines))])


def _text(path: str) -> str:
    try:
        return (ROOT / path).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
