"""Render what an experiment found: as a document and for the terminal."""
