"""Runners: they do the work and say when; of power they know nothing. `base.py` is the contract."""
