"""CO2e of measured results.

Of each result, of the same run elsewhere, and why two results differ.
"""
