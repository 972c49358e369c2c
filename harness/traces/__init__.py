"""Traces: the columns of one channel, their store, and their place in time."""
