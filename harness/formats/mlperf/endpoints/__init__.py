"""Read packages of MLPerf Endpoints: LLM servers under load, and their provisioned power."""
