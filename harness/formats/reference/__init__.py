"""Tables of MLPerf's benchmarks, reference convergence points, and accelerators."""
