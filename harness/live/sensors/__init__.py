"""The sensors of a run, checked against each other before their energies are summed.

`checks` decides what is summed, `faults` finds sensors that measure nothing, `pairs` compares two.
"""
