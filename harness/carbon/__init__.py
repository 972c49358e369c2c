"""Carbon: the formulas, the factors that go into them, the join of a trace with a grid by time. Pure."""
