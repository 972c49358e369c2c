"""Arrange the channels of one machine as a tree: which contains which, and what adds up.

The relations come from `harness.meters.topology`; what the readings of a run show stands above it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement

from harness.meters.topology import Relation, Subject, relation, subject_of
from harness.traces.channel import Channel

KIND_ORDER = ("counter", "mean", "instant", "estimate")
"""Of two sensors of one part the earlier kind counts: it misses less between two reads."""


@dataclass(slots=True)
class Arrangement:
    """Channels of one machine as a tree.

    Attributes:
        parents: For each channel id, the channel that contains it; None at the top: these add up.
        duplicates: Pairs of channels that measure one part; the second is counted by the first.
        unknown: Pairs of top channels of which nobody knows whether one contains the other.
    """

    parents: dict[str, str | None] = field(default_factory=dict)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    @property
    def top(self) -> list[str]:
        """Ids of the channels whose energies add up."""
        return [id_ for id_, parent in self.parents.items() if parent is None]


Overrides = Mapping[tuple[str, str], Relation]
"""What a run's own data says of two channels, by their ids; it stands above the table."""


def arrange(channels: Sequence[Channel], overrides: Overrides | None = None) -> Arrangement:
    """Find for each channel the one that contains it.

    Channels that state no subject keep the parent that their meter gave them.

    Args:
        channels: All channels of one machine, with unique ids.
        overrides: Relations found in the data of a run.
    """
    relations = _Relations(channels, overrides or {})
    ids = {channel.id for channel in channels}
    arrangement = Arrangement()
    for channel in channels:
        parent = relations.innermost(relations.holders(channel))
        if parent is None and channel.part_of in ids:
            parent = channel.part_of
        arrangement.parents[channel.id] = parent
    tops = {*arrangement.top}
    for first, second, kind in relations.same_or_unknown():
        pair = (first.id, second.id)
        if kind is Relation.SAME:
            arrangement.duplicates.append(pair if _is_preferred(first, second) else pair[::-1])
        elif tops.issuperset(pair):
            arrangement.unknown.append(pair)
    return arrangement


class _Relations:
    """Relations between channels, found once for each pair of subjects: these are few."""

    def __init__(self, channels: Sequence[Channel], overrides: Overrides) -> None:
        self.overrides = dict(overrides)
        for (first, second), kind in overrides.items():
            self.overrides.setdefault((second, first), OPPOSITE.get(kind, kind))
        self.order = {channel.id: number for number, channel in enumerate(channels)}
        self.by_id = {channel.id: channel for channel in channels}
        self.keys = {channel.id: _key(channel) for channel in channels}
        self.members: dict[_Key, list[Channel]] = {}
        for channel in channels:
            self.members.setdefault(self.keys[channel.id], []).append(channel)

    def between(self, first: str, second: str) -> Relation:
        """Return the relation of two channels, by their ids."""
        override = self.overrides.get((first, second))
        return override or _relation_of_keys(self.keys[first], self.keys[second])

    def holders(self, channel: Channel) -> list[str]:
        """Return the ids of the channels that contain a channel, or count in its place."""
        key = self.keys[channel.id]
        overridden = [first for first, second in self.overrides if second == channel.id]
        candidates = [self.by_id[id_] for id_ in overridden if id_ in self.by_id]
        for peer, members in self.members.items():
            if _relation_of_keys(peer, key) in (Relation.CONTAINS, Relation.SAME):
                candidates += members
        holders = {
            holder.id
            for holder in candidates
            if holder.id != channel.id
            and _holds(self.between(holder.id, channel.id), holder, channel)
        }
        return sorted(holders, key=self.order.__getitem__)

    def innermost(self, holders: Sequence[str]) -> str | None:
        """Return the holder that lies in most of the others: the direct parent."""

        def depth(id_: str) -> int:
            kinds = [self.between(id_, holder) for holder in holders if holder != id_]
            return kinds.count(Relation.WITHIN)

        return max(holders, key=depth, default=None)

    def same_or_unknown(self) -> Iterator[tuple[Channel, Channel, Relation]]:
        """Yield the pairs that measure one part, and those of which nobody knows."""
        pairs = {pair for pair in self.overrides if self.order.keys() >= {*pair}}
        for first, second in combinations_with_replacement(self.members, 2):
            if _relation_of_keys(first, second) in (Relation.SAME, Relation.UNKNOWN):
                pairs |= {
                    (left.id, right.id)
                    for left in self.members[first]
                    for right in self.members[second]
                    if left is not right
                }
        ordered = {tuple(sorted(pair, key=self.order.__getitem__)) for pair in pairs}
        for left_id, right_id in sorted(
            ordered, key=lambda pair: (self.order[pair[0]], self.order[pair[1]])
        ):
            kind = self.between(left_id, right_id)
            if kind in (Relation.SAME, Relation.UNKNOWN):
                yield self.by_id[left_id], self.by_id[right_id], kind


_Key = tuple[Subject, bool]
"""What decides the relations of a channel: its subject without the label; whether it estimates."""
OPPOSITE = {Relation.CONTAINS: Relation.WITHIN, Relation.WITHIN: Relation.CONTAINS}
"""The relation seen from the other side, where it is another one."""


def _key(channel: Channel) -> _Key:
    """Return the key of a channel; a model of the processors stands for all sockets."""
    subject = replace(subject_of(channel), label="")
    is_estimate = channel.kind == "estimate"
    return (replace(subject, instance="") if is_estimate else subject), is_estimate


@functools.lru_cache(maxsize=65536)
def _relation_of_keys(first: _Key, second: _Key) -> Relation:
    """Return the relation of two channels: an estimate is never added to a measurement of it."""
    (first_subject, first_estimates), (second_subject, second_estimates) = first, second
    if first_estimates != second_estimates and first_subject.part == second_subject.part:
        return Relation.WITHIN if first_estimates else Relation.CONTAINS
    return relation(first_subject, second_subject)


def _holds(kind: Relation, holder: Channel, channel: Channel) -> bool:
    return kind is Relation.CONTAINS or (kind is Relation.SAME and _is_preferred(holder, channel))


def _is_preferred(first: Channel, second: Channel) -> bool:
    """Return whether the first of two channels of one part is the one that counts.

    What misses nothing between two reads comes before a sample, a known meter before an unknown.
    """

    def rank(channel: Channel) -> tuple[int, bool, str]:
        return KIND_ORDER.index(channel.kind), channel.accuracy.assumed, channel.id

    return rank(first) < rank(second)


def placed(channels: Sequence[Channel], arrangement: Arrangement) -> Iterator[Channel]:
    """Yield the channels with the parents of an arrangement."""
    for channel in channels:
        yield replace(channel, part_of=arrangement.parents[channel.id])
