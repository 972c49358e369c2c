"""Readers of files that other power loggers write, one module each.

Each file is one entry: `harness.formats.loggers.base` says what a reader must do.
"""
