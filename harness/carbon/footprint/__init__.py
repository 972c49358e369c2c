"""Declared footprints: documents, the formulas over their factors, intervals. Pure."""
