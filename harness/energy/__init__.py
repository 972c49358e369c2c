"""Energy of channels and runs, from readings to joules."""
