"""Run a power session of MLPerf Inference: a director with analyzers, and the system under test."""
