"""Commands that measure: run and what belongs to it, watch, calibrate and the director."""
