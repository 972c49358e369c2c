"""Carbon: formulas, factors and series, and the mean of a series weighted by energy. Pure."""
