"""One session in memory, without files, for coverage studies that need thousands of them."""

from __future__ import annotations

import numpy as np

from .meter import Kind, MeterModel, Recording, draw_error, record
from .power import NS, Load, make_curve, to_ns
from .truth import MeterError, Truth

EPOCH_NS = 1_767_225_600 * NS
"""When a simulated session starts unless told otherwise: 2026-01-01 00:00:00 UTC [ns]."""
MARGIN_S = 5.0
"""Idle time recorded on each side of the window [s], at least."""


def simulate_window(
    kind: Kind,
    *,
    seed: int,
    duration_s: float = 60.0,
    interval_s: float = 1.0,
    load: Load = Load(),  # noqa: B008 - frozen
    jitter_s: float = 0.0,
    resolution: float = 0.1,
    reading_limit_rel: float = 0.0,
    range_limit_w: float = 0.0,
    clock_sigma_s: float = 0.0,
    error: MeterError | None = None,
    grid_s: float = 0.05,
) -> tuple[Recording, Truth]:
    """Play one load window through one meter; power in W, times in s, `resolution` in W (J for a
    counter).

    The meter's errors are drawn within the limits unless `error` gives them. Its cells start at
    a drawn phase to the window. `grid_s` is the grid of the true curve: coarser is faster, and
    no less exact.
    """
    rng = np.random.default_rng(seed)
    model = MeterModel(
        kind=kind,
        interval_s=interval_s,
        jitter_s=jitter_s,
        resolution=resolution,
        reading_limit_rel=reading_limit_rel,
        range_limit_w=range_limit_w,
        clock_sigma_s=clock_sigma_s,
    )
    meter = draw_error(model, rng) if error is None else error
    curve = make_curve(load, t0_ns=EPOCH_NS, duration_s=duration_s, rng=rng, grid_s=grid_s)
    margin_s = MARGIN_S + interval_s
    start_ns = curve.t0_ns - to_ns(margin_s + rng.uniform(0.0, interval_s))
    recording = record(
        curve, model, meter, start_ns=start_ns, stop_ns=curve.t1_ns + to_ns(margin_s), rng=rng
    )
    return recording, Truth(f"{kind}-{seed}", curve.t0_ns, curve.t1_ns, (curve.window_j,), (meter,))
