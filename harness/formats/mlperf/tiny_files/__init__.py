"""Files of the energy runs of MLPerf Tiny: where they lie, what is printed, and raw traces."""
