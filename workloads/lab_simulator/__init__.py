"""The lab simulator: systems of known true power, played through meters into foreign formats.

Its numbers are the truth the harness is tested against, so it shares no code with the harness.
See README.md.
"""

from .csv_session import write_csv
from .inference_session import write_inference
from .meter import (
    FAILURE_TEXTS,
    Faults,
    Kind,
    MeterModel,
    Recording,
    draw_error,
    record,
    with_faults,
)
from .power import Load, PowerCurve, make_curve
from .training_session import NODE_LOAD, NODE_METER, TrainingForm, write_training
from .truth import PERFECT, MeterError, Truth
from .window import EPOCH_NS, simulate_window

__all__ = [
    "EPOCH_NS",
    "FAILURE_TEXTS",
    "NODE_LOAD",
    "NODE_METER",
    "PERFECT",
    "Faults",
    "Kind",
    "Load",
    "MeterError",
    "MeterModel",
    "PowerCurve",
    "Recording",
    "TrainingForm",
    "Truth",
    "draw_error",
    "make_curve",
    "record",
    "simulate_window",
    "with_faults",
    "write_csv",
    "write_inference",
    "write_training",
]
