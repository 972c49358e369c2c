"""Renderers: a result, report or table in, text out. No files."""
