"""CO2e of measured results: of each result, of the same run elsewhere, and why two results differ."""
