"""Meters: what reads power or energy on this machine, and the process that samples it."""

from harness.meters.registry import (
    MeterSpec,
    Probed,
    automatic,
    built_in,
    make,
    names,
    parse,
    probe,
    public_spec,
    summary,
)

__all__ = [
    "MeterSpec",
    "Probed",
    "automatic",
    "built_in",
    "make",
    "names",
    "parse",
    "probe",
    "public_spec",
    "summary",
]
