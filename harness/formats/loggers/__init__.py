"""Readers of files that other power loggers write, one module each.

Each file is one entry: `harness.formats.power_log` says what a reader must do.
"""
