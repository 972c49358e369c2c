"""Formulas, factors and series of carbon intensity, and means of a series weighted by energy.

Pure, but for `grid` and `catalogue`, which read files.
"""
