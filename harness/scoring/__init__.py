"""From an entry to its result: repeated runs, training steps, MLPerf's own metrics, score."""
