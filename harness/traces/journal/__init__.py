"""Journals: readings as they are recorded, in segments, with a chain of hashes."""
