"""Rules: one file each, all in `RULES`; limits are data in a rulebook for each round."""

from harness.rules import (
    channel_sum,
    clock_zone,
    coverage,
    declared_hashes,
    duplicate_traces,
    energy_recomputes,
    estimates_declared,
    evidence_readable,
    largest_gap,
    minimum_duration,
    node_count,
    reading_values,
    result_valid,
    sampling_rate,
    stop_after_start,
    time_order,
    window_inside_trace,
    window_present,
)
from harness.rules.base import Rule

RULES: tuple[Rule, ...] = (
    window_present.RULE,
    window_inside_trace.RULE,
    coverage.RULE,
    largest_gap.RULE,
    sampling_rate.RULE,
    minimum_duration.RULE,
    reading_values.RULE,
    time_order.RULE,
    clock_zone.RULE,
    stop_after_start.RULE,
    duplicate_traces.RULE,
    node_count.RULE,
    channel_sum.RULE,
    estimates_declared.RULE,
    energy_recomputes.RULE,
    result_valid.RULE,
    declared_hashes.RULE,
    evidence_readable.RULE,
)
"""All rules, in the order of rules.md."""

BY_ID = {rule.id: rule for rule in RULES}
