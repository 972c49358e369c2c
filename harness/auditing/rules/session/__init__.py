"""Rules on an MLPerf inference power session: its two documents, and the logs of both hosts."""
