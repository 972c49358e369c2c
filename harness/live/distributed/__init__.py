"""Runs on several machines: which rank this is, how ranks meet, and how their clocks compare."""
