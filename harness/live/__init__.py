"""Live measurement: plan runs, measure and record them, merge those of several machines, replay."""
