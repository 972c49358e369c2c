"""Emissions and footprints on the terminal."""
