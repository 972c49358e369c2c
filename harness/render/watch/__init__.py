"""What is watched, for programs: JSON, and the text that Prometheus scrapes."""
