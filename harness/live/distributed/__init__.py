"""Runs on several machines: which rank this process is, how ranks meet, their clocks."""
